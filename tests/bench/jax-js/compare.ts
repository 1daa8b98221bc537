// The same work done by this project's engine and by jax-js on the same adapter: first that it is the same, then how long it takes.
import { openContestants, type Contestants, type Workload } from './contestants.ts';
import type { Report } from './train.ts';

export const REFERENCE = {
  hiddenSize: 64,
  layers: 2,
  heads: 4,
  sequences: 16,
  promptTokens: 12,
  newTokens: 32,
  /** Timed runs of each, after two that are not counted. */
  repeats: 11,
};

/** The reference with what the query changes: "hiddenSize=128&layers=4". */
export function workloadOf(query: string): typeof REFERENCE {
  const given = [...new URLSearchParams(query)].map(([name, value]) => {
    if (!(name in REFERENCE && /^[1-9]\d*$/.test(value)))
      throw new Error(`expected ${Object.keys(REFERENCE).join(', ')}, each a whole number, but ${name}=${value} came`);
    return [name, Number(value)] as const;
  });
  return { ...REFERENCE, ...Object.fromEntries<number>(given) };
}

export interface Timing {
  /** Median. */
  readonly ms: number;
  /** Of the completions; those of the prompts are not counted. */
  readonly tokensPerSecond: number;
  readonly submits: number;
  /** Processor time of the browser's GPU process, all cores together: on a software adapter the work itself. Null if not known. */
  readonly processorMs: number | null;
}

export interface Pair {
  readonly ours: Timing;
  readonly jaxJs: Timing;
  /** Of the times, jax-js's over ours. */
  readonly speedup: number;
  readonly processorSpeedup: number | null;
}

export interface Comparison {
  readonly adapter: string;
  readonly workload: Workload & { readonly repeats: number };
  /** The largest relative difference between the two, by figure. */
  readonly agreement: Readonly<Record<string, number>>;
  readonly sampling: Pair;
  readonly training: Pair;
}

const WARM_UP = 2;
const CHECKED_UPDATES = 3;
const TOLERANCE = 1e-3;

/** Processor time that the browser's GPU process has spent, in milliseconds. */
export type ProcessorClock = () => Promise<number>;

/** Throws where the two do not agree. */
export async function compare(
  workload: typeof REFERENCE,
  progress: (text: string) => void,
  processor?: ProcessorClock,
): Promise<Comparison> {
  const { sequences, newTokens, repeats } = workload;
  progress('compiling');
  const contestants = await openContestants(workload);
  const agreement = await checkAgreement(contestants);
  const { adapter, ours, jaxJs, samplesOf } = contestants;

  const runs: Record<'sampling' | 'training', { ours: Run[]; jaxJs: Run[] }> = {
    sampling: { ours: [], jaxJs: [] },
    training: { ours: [], jaxJs: [] },
  };
  for (let repeat = 0; repeat < WARM_UP + repeats; repeat++) {
    progress(repeat < WARM_UP ? 'warming up' : `run ${repeat - WARM_UP + 1} of ${repeats}`);
    for (const name of ['ours', 'jaxJs'] as const) {
      const contestant = { ours, jaxJs }[name];
      const sampled = await timed(() => contestant.sample(repeat), processor);
      const trained = await timed(() => contestant.update(samplesOf(sampled.result)), processor);
      if (repeat < WARM_UP) continue;
      runs.sampling[name].push(sampled);
      runs.training[name].push(trained);
    }
  }
  const summary = (each: readonly Run[]): Timing => {
    const ms = median(each.map((run) => run.ms));
    return {
      ms,
      tokensPerSecond: ((sequences * newTokens) / ms) * 1000,
      submits: median(each.map((run) => run.submits)),
      processorMs: processor ? median(each.map((run) => run.processorMs)) : null,
    };
  };
  const both = (of: { readonly ours: readonly Run[]; readonly jaxJs: readonly Run[] }): Pair => {
    const [ours, jaxJs] = [summary(of.ours), summary(of.jaxJs)];
    const processorSpeedup = ours.processorMs && jaxJs.processorMs && jaxJs.processorMs / ours.processorMs;
    return { ours, jaxJs, speedup: jaxJs.ms / ours.ms, processorSpeedup };
  };
  return { adapter, workload, agreement, sampling: both(runs.sampling), training: both(runs.training) };
}

/**
 * That both compute the same: three updates on the same samples, and the log-probs with which jax-js drew these. To be asked of
 * contestants whose weights are still the same. Throws where they do not agree within a thousandth.
 */
export async function checkAgreement({ ours, jaxJs, samplesOf, score }: Contestants): Promise<Comparison['agreement']> {
  // Ragged, since with equal lengths the advantages of a group sum to a loss of zero whatever the model does.
  const drawn = (await jaxJs.sample(0)).map(({ ids, logProbs }, b) => {
    const length = 1 + ((b * 5) % ids.length);
    return { ids: ids.slice(0, length), logProbs: logProbs.slice(0, length) };
  });
  const samples = samplesOf(drawn);
  const scores = await score(samples);
  const reports: { readonly ours: Report; readonly jaxJs: Report }[] = [];
  for (let update = 0; update < CHECKED_UPDATES; update++)
    reports.push({ ours: await ours.update(samples), jaxJs: await jaxJs.update(samples) });
  const reported = (figure: keyof Report): number => {
    const of = (name: 'ours' | 'jaxJs'): number[] => reports.map((report) => report[name][figure]);
    return agree(figure, of('ours'), of('jaxJs'));
  };
  const drawnLogProbs = drawn.flatMap(({ logProbs }) => logProbs);
  return {
    loss: reported('loss'),
    meanLogProb: reported('meanLogProb'),
    gradNorm: reported('gradNorm'),
    drawnLogProbs: agree('drawnLogProbs', scores, drawnLogProbs),
  };
}

function agree(figure: string, ours: readonly number[], jaxJs: readonly number[]): number {
  const difference = Math.max(...ours.map((value, index) => Math.abs(value / jaxJs[index]! - 1)));
  if (!(ours.length === jaxJs.length && difference < TOLERANCE)) {
    const values = `${ours.join(', ')} here and ${jaxJs.join(', ')} with jax-js`;
    throw new Error(`${figure} must agree within ${TOLERANCE}, but differs by ${difference}: ${values}`);
  }
  return difference;
}

interface Run {
  readonly ms: number;
  readonly submits: number;
  /** 0 without a clock. */
  readonly processorMs: number;
}

/** What `work` takes, and how many times either engine gives the GPU something to do meanwhile. */
async function timed<Result>(
  work: () => Promise<Result>,
  processor: ProcessorClock = () => Promise.resolve(0),
): Promise<Run & { readonly result: Result }> {
  const submit = Object.getOwnPropertyDescriptor(GPUQueue.prototype, 'submit')!;
  let submits = 0;
  GPUQueue.prototype.submit = function (commands): undefined {
    submits += 1;
    (submit.value as GPUQueue['submit']).call(this, commands);
  };
  try {
    const before = await processor();
    const start = performance.now();
    const result = await work();
    const ms = performance.now() - start;
    return { ms, submits, processorMs: (await processor()) - before, result };
  } finally {
    Object.defineProperty(GPUQueue.prototype, 'submit', submit);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
