// How the time of a GRPO step grows with the batch, the length of its completions and the width of the model.
import type { EngineOptions, Gpu } from '../engine/index.ts';
import type { Progress } from './run.ts';
import { median, Workload, workloadSizes } from './workload.ts';

export interface GrowthPlan {
  readonly numLayers: number;
  readonly hiddenSizes: readonly number[];
  /** Numbers of sequences, each at `newTokens` tokens a completion. */
  readonly sequences: readonly number[];
  readonly newTokens: number;
  /** Tokens a completion, each for `fixedSequences` sequences. */
  readonly lengths: readonly number[];
  readonly fixedSequences: number;
}

export interface GrowthPoint {
  readonly sequences: number;
  readonly newTokens: number;
  readonly stepMs: number;
  /** Microseconds per completion token. */
  readonly tokenUs: number;
}

export interface GrowthFigures {
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bySequences: readonly GrowthPoint[];
  readonly byLength: readonly GrowthPoint[];
  /** The slowest token over the fastest: 1 where the time grows as the tokens do. */
  readonly sequencesRatio: number;
  readonly lengthRatio: number;
}

const GROWTH_REPEATS = 3;
/** A point of the growth that takes long is not repeated beyond this. */
const GROWTH_POINT_MS = 3000;

/** Each of the plan's models, at each number of sequences and each length. */
export async function measureGrowth(
  gpu: Gpu,
  plan: GrowthPlan,
  engine: Partial<EngineOptions> | undefined,
  progress: Progress,
): Promise<GrowthFigures[]> {
  const { numLayers, hiddenSizes, sequences, newTokens, lengths, fixedSequences } = plan;
  const points = [
    ...sequences.map((count) => ({ sequences: count, newTokens })),
    ...lengths.filter((length) => length !== newTokens).map((length) => ({ sequences: fixedSequences, newTokens: length })),
  ]; // prettier-ignore
  const total = hiddenSizes.length * points.length;
  const figures: GrowthFigures[] = [];
  for (const hiddenSize of hiddenSizes) {
    const measured: GrowthPoint[] = [];
    for (const point of points) {
      progress(`Growth, ${hiddenSize} wide`, figures.length * points.length + measured.length, total);
      gpu.freeAll();
      const sizes = workloadSizes(hiddenSize, numLayers, 4, point.sequences, point.newTokens);
      const stepMs = await growthStepMs(await Workload.create(gpu, sizes, engine));
      measured.push({ ...point, stepMs, tokenUs: (stepMs * 1000) / (point.sequences * point.newTokens) });
    }
    const bySequences = measured.slice(0, sequences.length);
    const byLength = lengths.map((length) =>
      measured.find((point) => point.sequences === fixedSequences && point.newTokens === length)!,
    );
    const [sequencesRatio, lengthRatio] = [worstOverBest(bySequences), worstOverBest(byLength)];
    figures.push({ hiddenSize, numLayers, bySequences, byLength, sequencesRatio, lengthRatio });
  }
  progress('Growth', total, total);
  return figures;
}

async function growthStepMs(workload: Workload): Promise<number> {
  await workload.step();
  const begin = performance.now();
  const times: number[] = [];
  while (times.length < GROWTH_REPEATS && (times.length === 0 || performance.now() - begin < GROWTH_POINT_MS))
    times.push((await workload.step()).stepMs);
  return median(times);
}

function worstOverBest(points: readonly GrowthPoint[]): number {
  const times = points.map(({ tokenUs }) => tokenUs);
  return Math.max(...times) / Math.min(...times);
}
