// The draw of a token, against the distribution that it should have, and the list of sequences that live on.
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { paddedVocabulary } from '../../src/engine/config.ts';
import { SAMPLE_SOURCE as source } from '../../src/engine/decoder.ts';
import { uniformStruct } from '../../src/engine/gpu/gpu.ts';
import { samplingFixtures } from '../reference/fixtures.ts';
import { logSoftmax, type Numbers } from '../reference/layers.ts';
import { openGpu } from './open.ts';
import { floats, runKernel } from './run-kernel.ts';
import { measureClose } from './worst-errors.ts';

const MAX_LENGTH = 6;
const PLAIN = {
  temperature: 1,
  top_k: 0,
  top_p: 1,
  min_p: 0,
  seed: 7,
  step: 3,
  first_sequence: 0,
  eos: 1,
  forbidden_low: 0,
  forbidden_high: 0,
};

interface State {
  readonly promptLength: number;
  readonly longest: number;
}

/** One draw a row; row n belongs to sequence rows - 1 - n and is at `positions[n]`. What comes back goes by row. */
async function drawWith(
  LANES: number,
  V: number,
  logits: Float32Array,
  settings: Partial<typeof PLAIN>,
  positions: readonly number[],
  state: State = { promptLength: 1, longest: MAX_LENGTH },
): Promise<{ readonly token: number; readonly logProb: number; readonly length: number; readonly done: boolean }[]> {
  const rows = positions.length;
  const row_sequences = Uint32Array.from(positions, (_, n) => rows - 1 - n);
  const { tokens, log_probs, states } = await runKernel(await openGpu(), {
    source,
    entry: 'sample_token',
    constants: { V, VP: paddedVocabulary(V), MAX_LENGTH, MAX_SEQUENCES: rows, DRAWS: 1, ADVANCE: 1, LANES },
    reads: {
      rows: Uint32Array.of(rows),
      sampling: uniformStruct(source, 'Sampling', { ...PLAIN, ...settings }),
      logits,
      row_sequences,
      row_positions: Uint32Array.from(positions),
    },
    writes: {
      tokens: new Uint32Array(rows * MAX_LENGTH).fill(99),
      log_probs: new Float32Array(rows * MAX_LENGTH).fill(99),
      states: Uint32Array.from(positions.flatMap(() => [state.promptLength, state.longest, state.promptLength, 0])),
    },
    grid: [Math.ceil((rows * LANES) / 64)],
  });
  return positions.map((position, n) => {
    const sequence = row_sequences[n]!;
    const at = sequence * MAX_LENGTH + position + 1;
    const [, , length, done] = states.subarray(sequence * 4);
    return { token: tokens[at]!, logProb: log_probs[at]!, length: length!, done: done === 1 };
  });
}

/** `rows` copies of one row of logits, padded with a number that must not matter. */
function repeated(logits: Numbers, rows: number): Float32Array {
  const V = logits.length;
  const VP = paddedVocabulary(V);
  return Float32Array.from({ length: rows * VP }, (_, at) => (at % VP < V ? logits[at % VP]! : 1000));
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

/** The value that chi-square with `degrees` exceeds once in ten thousand times (Wilson and Hilferty). */
function unlikelyChiSquare(degrees: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + 3.719 * Math.sqrt(spread)) ** 3;
}

/** Fails where draws can hardly come from the distribution. Tokens expected fewer than 5 times count as one. */
function expectDrawnFrom(probabilities: Numbers, draws: readonly number[]): void {
  const counts = new Float64Array(probabilities.length);
  for (const token of draws) counts[token]! += 1;
  let rareExpected = 0;
  let rareSeen = 0;
  let distance = 0;
  let cells = 0;
  const add = (seen: number, expected: number): void => {
    distance += (seen - expected) ** 2 / expected;
    cells += 1;
  };
  counts.forEach((seen, v) => {
    const expected = probabilities[v]! * draws.length;
    if (probabilities[v] === 0) expect(seen, `draws of token ${v}, which is left out`).toBe(0);
    else if (expected >= 5) add(seen, expected);
    else {
      rareExpected += expected;
      rareSeen += seen;
    }
  });
  if (rareExpected > 0) add(rareSeen, rareExpected);
  if (cells > 1) expect(distance, `chi-square with ${cells - 1} degrees`).toBeLessThan(unlikelyChiSquare(cells - 1));
}

describe.each([64, 1])('sample_token with %i threads to a draw', (LANES) => {
  const drawTokens = drawWith.bind(null, LANES);

  it.each(samplingFixtures)(
    'draws as it should: temperature $options.temperature, top-k $options.topK, top-p $options.topP, min-p $options.minP, forbidden $forbidden',
    async (fixture) => {
      const { logits, forbidden, options, probabilities } = fixture;
      const rows = 4000;
      const settings = {
        temperature: options.temperature,
        top_k: options.topK,
        top_p: options.topP,
        min_p: options.minP,
        forbidden_low: forbidden.reduce((bits, v) => bits + 2 ** v, 0),
      };
      const draws = await drawTokens(logits.length, repeated(logits, rows), settings, zeros(rows));
      expectDrawnFrom(
        probabilities,
        draws.map(({ token }) => token),
      );
      const allowed = logits.map((logit, v) => (forbidden.includes(v) ? -Infinity : logit / options.temperature));
      const before = logSoftmax(allowed);
      const expected = draws.map(({ token }) => before[token]!);
      measureClose('sample_token', 'log-probs before any filter', draws.map(({ logProb }) => logProb), expected, { atol: 2e-6 }); // prettier-ignore
    },
  );

  it('forbids and draws tokens above 31, in a vocabulary of 64', async () => {
    const logits = floats(new Random(4), 64);
    const rows = 4000;
    const settings = { forbidden_low: 1, forbidden_high: 2 ** 31 + 1 };
    const draws = await drawTokens(64, repeated(logits, rows), settings, zeros(rows));
    const probabilities = logSoftmax(logits.map((logit, v) => ([0, 32, 63].includes(v) ? -Infinity : logit)));
    expectDrawnFrom(
      probabilities.map(Math.exp),
      draws.map(({ token }) => token),
    );
  });

  it('draws otherwise for another seed, step, sequence or position, and the same for the same', async () => {
    const logits = repeated(zeros(64), 50);
    const draw = async (settings: Partial<typeof PLAIN>, position = 0): Promise<number[]> =>
      (await drawTokens(64, logits, settings, new Array<number>(50).fill(position))).map(({ token }) => token);
    const first = await draw({});
    expect(await draw({})).toEqual(first);
    for (const other of [draw({ seed: 8 }), draw({ step: 4 }), draw({ first_sequence: 50 }), draw({}, 1)]) {
      const same = (await other).filter((token, n) => token === first[n]).length;
      expect(same).toBeLessThan(10); // of 50, about 1 by chance
    }
    const shifted = await draw({ first_sequence: 1 }); // rows run backwards through the sequences
    expect(shifted.slice(1)).toEqual(first.slice(0, -1));
  });

  it('takes the likeliest token at temperature 0, and the first of equal ones', async () => {
    const rows = [
      [1, 3, 2, 3, 0],
      [-5, -5, -5, -5, -5],
      [0, 0, 0, 0, 0.1],
      [7, -1e30, 1e30, 0, 1e30],
    ];
    const logits = Float32Array.from(rows.flatMap((row) => [...row, 1000, 1000, 1000]));
    const draws = await drawTokens(5, logits, { temperature: 0 }, zeros(rows.length));
    expect(draws.map(({ token }) => token)).toEqual([1, 0, 4, 2]);
    const onlyOne = await drawTokens(5, repeated([1, 3, 2, 3, 0], 200), { top_k: 1 }, zeros(200));
    expect(new Set(onlyOne.map(({ token }) => token))).toEqual(new Set([1]));
  });

  it('still draws the likeliest where min-p is 1 or nearly every token is forbidden', async () => {
    const logits = repeated([0.5, 3, 2, -1, 0], 200);
    const strict = await drawTokens(5, logits, { min_p: 1 }, zeros(200));
    expect(new Set(strict.map(({ token }) => token))).toEqual(new Set([1]));
    const single = await drawTokens(5, logits, { forbidden_low: 0b10111 }, zeros(200));
    expect(new Set(single.map(({ token }) => token))).toEqual(new Set([3]));
    expect(single[0]!.logProb).toBe(0);
  });

  it('ends where logits are not numbers, instead of hanging the GPU', async () => {
    const draws = await drawTokens(5, repeated([NaN, NaN, NaN, NaN, NaN], 3), {}, zeros(3));
    for (const { token } of draws) expect(token).toBeLessThan(5);
  });

  it('marks a sequence as done at eos or at its longest, and keeps nothing while the prompt goes on', async () => {
    const likeliest = (token: number): number[] => zeros(5).map((_, v) => (v === token ? 50 : 0));
    const logits = Float32Array.from([1, 2, 2, 2].flatMap((token) => [...likeliest(token), 0, 0, 0]));
    const draws = await drawTokens(5, logits, {}, [2, 2, 3, 1], { promptLength: 3, longest: 5 });
    expect(draws.map(({ token, length, done }) => ({ token, length, done }))).toEqual([
      { token: 1, length: 4, done: true },
      { token: 2, length: 4, done: false },
      { token: 2, length: 5, done: true },
      { token: 99, length: 3, done: false },
    ]);
  });
});

it('draws the same with any number of threads to a draw', async () => {
  const rows = 200;
  const logits = floats(new Random(9), rows * 28, 2);
  const settings = { temperature: 0.7, top_k: 20, top_p: 0.8, min_p: 0.01, forbidden_low: 5 };
  const draw = (LANES: number): ReturnType<typeof drawWith> => drawWith(LANES, 28, logits, settings, zeros(rows));
  const [alone, together] = [await draw(1), await draw(64)];
  expect(alone.map(({ token }) => token)).toEqual(together.map(({ token }) => token));
});

describe('sample_advance', () => {
  const MAX_SEQUENCES = 600;

  it.each([
    [589, 1],
    [256, 2],
    [1, 1],
    [0, 1],
  ])('drops what is done of %i sequences, keeps the order and moves on by %i', async (count, ADVANCE) => {
    const gpu = await openGpu();
    const random = new Random(count);
    const before = random.shuffle(Array.from({ length: MAX_SEQUENCES }, (_, sequence) => sequence));
    const done = before.map(() => random.unit() < 0.4);
    const tokens = Uint32Array.from({ length: MAX_SEQUENCES * MAX_LENGTH }, () => random.next());
    const position = 3;
    const live = before.slice(0, count).filter((sequence) => !done[sequence]);
    const after = await runKernel(gpu, {
      source,
      entry: 'sample_advance',
      constants: { V: 23, VP: 24, MAX_LENGTH, MAX_SEQUENCES, DRAWS: 1, ADVANCE, LANES: 64 },
      reads: { tokens, states: Uint32Array.from(done.flatMap((ended) => [1, MAX_LENGTH, 2, ended ? 1 : 0])) },
      writes: {
        live_rows: Uint32Array.of(count),
        ids: new Uint32Array(MAX_SEQUENCES),
        positions: new Uint32Array(MAX_SEQUENCES).fill(position),
        sequences: Uint32Array.from(before),
      },
      grid: [1],
    });
    expect(after.live_rows[0]).toBe(live.length);
    expect(Array.from(after.sequences.subarray(0, live.length))).toEqual(live);
    expect(Array.from(after.positions.subarray(0, live.length))).toEqual(live.map(() => position + ADVANCE));
    const next = live.map((sequence) => tokens[sequence * MAX_LENGTH + position + ADVANCE]!);
    expect(Array.from(after.ids.subarray(0, live.length))).toEqual(next);
  });
});
