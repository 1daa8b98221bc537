// Test-time compute in small: what n answers to one problem are worth.
//   majority vote   the answer that most of the n give (self-consistency, Wang et al., arXiv:2203.11171)
//   best of n       a verifier picks, so that one right answer among the n is enough: pass@n
// Both are estimated from N >= n answers a problem. For c right ones of N,
//   pass@n = 1 - C(N - c, n) / C(N, n), without bias (Chen et al., arXiv:2107.03374, section 2.1).
import { mean } from '../grpo/metrics.ts';
import { Random } from '../base/random.ts';

/** One answer to a problem as it is written; null where there is none that can be read. */
export interface Vote {
  readonly answer: string | null;
  readonly right: boolean;
}

export interface Tally {
  readonly answer: string;
  readonly right: boolean;
  readonly votes: number;
}

/** Most votes first, equal ones in the order of their first vote; whoever gave no answer does not vote. */
export function tally(votes: readonly Vote[]): Tally[] {
  const count = new Map<string, Tally>();
  for (const { answer, right } of votes) {
    if (answer === null) continue;
    count.set(answer, { answer, right, votes: (count.get(answer)?.votes ?? 0) + 1 });
  }
  return [...count.values()].sort((a, b) => b.votes - a.votes);
}

/** The chance that the majority's answer is right: where several have most votes, the lot decides. 0 without any vote. */
export function majorityChance(votes: readonly Vote[]): number {
  const counted = tally(votes);
  const winners = counted.filter((each) => each.votes === counted[0]?.votes);
  return mean(winners.map(({ right }) => (right ? 1 : 0)));
}

/** The chance that n of the `samples` answers, drawn without replacement, hold one of the `right` ones. n is at most `samples`. */
export function passAtN(samples: number, right: number, n: number): number {
  let missed = 1; // C(N - c, n) / C(N, n) as a product, which cannot overflow
  for (let i = 0; i < right; i++) missed *= Math.max(0, samples - n - i) / (samples - i);
  return 1 - missed;
}

/** Random orders of a problem's answers over which the majority of n is averaged: all subsets of n would be too many. */
const ORDERS = 100;

/** Chances that the majority of n answers is right, one for each of `sizes`, which are at most as many as there are votes. */
export function majorityAtN(votes: readonly Vote[], sizes: readonly number[], random: Random): number[] {
  const chances = sizes.map((): number[] => []);
  for (let order = 0; order < ORDERS; order++) {
    const shuffled = random.shuffle(votes);
    sizes.forEach((n, index) => {
      for (let start = 0; start + n <= shuffled.length; start += n)
        chances[index]!.push(majorityChance(shuffled.slice(start, start + n)));
    });
  }
  return chances.map(mean);
}

export interface Estimate {
  /** Over the problems. */
  readonly mean: number;
  /** Standard error of that mean; null for a single problem. */
  readonly error: number | null;
}

export interface VotePoint {
  readonly n: number;
  readonly majority: Estimate;
  readonly best: Estimate;
}

/** 1, 2, 4, ... up to `most`, which is a power of two. */
export function voteSizes(most: number): number[] {
  return Array.from({ length: Math.log2(most) + 1 }, (_, power) => 2 ** power);
}

/** What one problem adds to the curve, by size. */
export interface ProblemChances {
  readonly majority: readonly number[];
  readonly best: readonly number[];
}

export function problemChances(votes: readonly Vote[], sizes: readonly number[], seed: number): ProblemChances {
  const right = votes.filter((vote) => vote.right).length;
  return {
    majority: majorityAtN(votes, sizes, new Random(seed)),
    best: sizes.map((n) => passAtN(votes.length, right, n)),
  };
}

export function voteCurve(problems: readonly ProblemChances[], sizes: readonly number[]): VotePoint[] {
  return sizes.map((n, index) => ({
    n,
    majority: estimate(problems.map(({ majority }) => majority[index]!)),
    best: estimate(problems.map(({ best }) => best[index]!)),
  }));
}

function estimate(values: readonly number[]): Estimate {
  const average = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0);
  const degrees = values.length - 1;
  return { mean: average, error: degrees > 0 ? Math.sqrt(squares / degrees / values.length) : null };
}
