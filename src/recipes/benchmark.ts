// The benchmark, on the command line and in the page alike: what a GRPO step of a known size takes and where its time goes, how
// that grows with the batch, the completions and the model, and how long the first preset takes to its aha.
import type { Checkpoint, EngineOptions, Gpu } from '../engine/index.ts';
import { measureGrowth, type GrowthFigures, type GrowthPlan } from './growth.ts';
import { PRESETS } from './presets.ts';
import { Run, type Progress, type RunRequest } from './run.ts';
import { median, Workload, workloadSizes, type PartProfile, type StepTimes, type WorkloadSizes } from './workload.ts';

export const BENCHMARK_PARTS = ['reference', 'growth', 'aha'] as const;
export type BenchmarkPart = (typeof BENCHMARK_PARTS)[number];

export interface BenchmarkScale {
  readonly reference: WorkloadSizes;
  /** Steps that are not counted, before as many as `repeats`. */
  readonly warmUps: number;
  readonly repeats: number;
  readonly growth: GrowthPlan;
}

/** `full` is for GPUs; `light` ends in a minute or two on a software adapter; `tiny` only shows that it works. */
export const BENCHMARK_SCALES = {
  full: {
    reference: workloadSizes(128, 4, 4, 512, 100),
    warmUps: 10, // until the host's code is compiled, too
    repeats: 11,
    growth: {
      numLayers: 4,
      hiddenSizes: [64, 128, 256],
      sequences: [128, 256, 512, 1024, 2048],
      newTokens: 100,
      lengths: [50, 100, 200],
      fixedSequences: 512,
    },
  },
  light: {
    reference: workloadSizes(64, 2, 4, 16, 32),
    warmUps: 1,
    repeats: 5,
    growth: {
      numLayers: 2,
      hiddenSizes: [16, 32, 64],
      sequences: [4, 8, 16, 32, 64],
      newTokens: 12,
      lengths: [6, 12, 24],
      fixedSequences: 16,
    },
  },
  tiny: {
    reference: workloadSizes(16, 1, 4, 16, 4),
    warmUps: 1,
    repeats: 2,
    growth: {
      numLayers: 1,
      hiddenSizes: [16, 32],
      sequences: [4, 8],
      newTokens: 4,
      lengths: [2, 4],
      fixedSequences: 4,
    },
  },
} as const satisfies Readonly<Record<string, BenchmarkScale>>;
export type BenchmarkScaleName = keyof typeof BENCHMARK_SCALES;

export interface BenchmarkRequest {
  readonly parts: readonly BenchmarkPart[];
  /** By the adapter if not given. */
  readonly scale?: BenchmarkScaleName;
  /** Sizes of the reference step in place of the scale's. */
  readonly sizes?: Partial<WorkloadSizes>;
  readonly repeats?: number;
  readonly engine?: Partial<EngineOptions>;
}

export interface BenchmarkSurroundings {
  /** Opens a device for `use` and closes it. */
  readonly withGpu: <Result>(use: (gpu: Gpu) => Promise<Result>) => Promise<Result>;
  /** A base model by its folder's name. */
  readonly loadModel: (name: string) => Promise<Checkpoint>;
}

/** Medians over the counted steps. */
export interface ReferenceFigures extends StepTimes {
  readonly sizes: WorkloadSizes;
  readonly parameters: number;
  readonly repeats: number;
  /** Completion tokens, by the time of the whole step, of sampling, of training. */
  readonly tokensPerSecond: number;
  readonly samplingTokensPerSecond: number;
  readonly trainingTokensPerSecond: number;
  readonly startMs: number;
  /** In buffers after the steps, the most that there were. */
  readonly allocatedMiB: number;
  readonly largestBindingMiB: number;
  /** In one step. */
  readonly dispatches: number;
  readonly submits: number;
  /** Share of a step's wall time in which the GPU computes nothing; null where it cannot be timed. */
  readonly hostShare: number | null;
  readonly profile: { readonly sampling: PartProfile; readonly training: PartProfile } | null;
}

export interface AhaFigures {
  readonly preset: string;
  /** After a wrong try. */
  readonly targetWaitShare: number;
  readonly waitShare: number;
  readonly reached: boolean;
  readonly steps: number;
  /** From nothing but a device: model loaded, engine made, base evaluated, trained. */
  readonly seconds: number;
}

/** A part is null where it was not asked for, or makes no sense on the adapter. */
export interface BenchmarkReport {
  readonly engine: 'grpo-playground';
  readonly adapter: string;
  readonly software: boolean;
  readonly scale: BenchmarkScaleName;
  readonly reference: ReferenceFigures | null;
  readonly growth: readonly GrowthFigures[] | null;
  readonly aha: AhaFigures | null;
  /** What a reader must know beside the figures, in sentences. */
  readonly notes: readonly string[];
}

const AHA_WAIT_SHARE = 0.75;
/** Throws what Engine.create and Run throw. */
export async function runBenchmark(
  request: BenchmarkRequest,
  { withGpu, loadModel }: BenchmarkSurroundings,
  progress: Progress,
): Promise<BenchmarkReport> {
  const { name, software } = await withGpu((gpu) => Promise.resolve(gpu.adapter));
  const scale = request.scale ?? (software ? 'light' : 'full');
  const { growth, ...usual } = BENCHMARK_SCALES[scale];
  const sizes = { ...usual.reference, ...request.sizes };
  const repeats = request.repeats ?? usual.repeats;
  const wants = (part: BenchmarkPart): boolean => request.parts.includes(part);
  const preset = PRESETS.aha;

  const notes: string[] = [];
  if (scale === 'tiny') notes.push('The sizes are tiny: they show that it works, not how fast.');
  if (scale === 'light')
    notes.push('The sizes are smaller than on a GPU, so that a software adapter ends within minutes.');
  if (software && wants('aha'))
    notes.push('The time to the aha is left out: on a software adapter it would take hours.');
  // A device of its own for each part, so that none finds the kernels of another compiled.
  return {
    engine: 'grpo-playground',
    adapter: name,
    software,
    scale,
    reference: wants('reference')
      ? await withGpu((gpu) => measureReference(gpu, sizes, { ...usual, repeats }, request.engine, progress))
      : null,
    growth: wants('growth') ? await withGpu((gpu) => measureGrowth(gpu, growth, request.engine, progress)) : null,
    aha:
      wants('aha') && !software
        ? await withGpu((gpu) => measureAha(gpu, () => loadModel(preset.model), { ...preset, seed: 1 }, progress))
        : null,
    notes,
  };
}

async function measureReference(
  gpu: Gpu,
  sizes: WorkloadSizes,
  { warmUps, repeats }: { readonly warmUps: number; readonly repeats: number },
  engine: Partial<EngineOptions> | undefined,
  progress: Progress,
): Promise<ReferenceFigures> {
  const total = warmUps + repeats + 2;
  const tell = (done: number): void => progress('Reference step', done, total);
  tell(0);
  const largestBindingBytes = watchBindings(gpu.device);
  const workload = await Workload.create(gpu, sizes, engine);
  tell(1);
  const times: StepTimes[] = [];
  let before = { ...gpu.counts };
  for (let run = 0; run < warmUps + repeats; run++) {
    before = { ...gpu.counts };
    const step = await workload.step();
    if (run >= warmUps) times.push(step);
    tell(run + 2);
  }
  const { dispatches, submits } = gpu.counts;
  const allocatedMiB = gpu.allocatedBytes / 2 ** 20;
  const profile = await workload.profile();
  tell(total);

  const medianOf = (name: keyof StepTimes): number => median(times.map((step) => step[name]));
  const [samplingMs, trainingMs, stepMs] = [medianOf('samplingMs'), medianOf('trainingMs'), medianOf('stepMs')];
  const perSecond = (ms: number): number => (sizes.sequences * sizes.newTokens * 1000) / ms;
  return {
    sizes,
    parameters: workload.parameters,
    repeats,
    samplingMs,
    trainingMs,
    stepMs,
    tokensPerSecond: perSecond(stepMs),
    samplingTokensPerSecond: perSecond(samplingMs),
    trainingTokensPerSecond: perSecond(trainingMs),
    startMs: workload.startMs,
    allocatedMiB,
    largestBindingMiB: largestBindingBytes() / 2 ** 20,
    dispatches: dispatches - before.dispatches,
    submits: submits - before.submits,
    hostShare: profile && Math.max(0, 1 - (profile.sampling.gpuMs + profile.training.gpuMs) / stepMs),
    profile,
  };
}

/** Trains until wait follows three of four wrong tries in a step's completions, or the request's steps are over. */
export async function measureAha(
  gpu: Gpu,
  loadModel: () => Promise<Checkpoint>,
  request: RunRequest & { readonly name: string },
  progress: Progress,
): Promise<AhaFigures> {
  const what = 'Training to the aha';
  progress(what, 0, request.steps);
  const begin = performance.now();
  const run = await Run.create(gpu, await loadModel(), request, () => undefined);
  await run.base();
  let [steps, waitShare] = [0, 0];
  while (!run.finished && waitShare < AHA_WAIT_SHARE) {
    const { step, metrics } = await run.step();
    [steps, waitShare] = [step, metrics['aha/wait_given_wrong'] ?? 0];
    progress(what, steps, request.steps);
  }
  return {
    preset: request.name,
    targetWaitShare: AHA_WAIT_SHARE,
    waitShare,
    reached: waitShare >= AHA_WAIT_SHARE,
    steps,
    seconds: (performance.now() - begin) / 1000,
  };
}

/** From now on notes the largest range of a buffer that a shader binds; what is returned tells it, in bytes. */
function watchBindings(device: GPUDevice): () => number {
  let largest = 0;
  const create = device.createBindGroup.bind(device);
  device.createBindGroup = (descriptor) => {
    for (const { resource } of descriptor.entries) {
      if (!('buffer' in resource)) continue;
      const { buffer, offset = 0, size = buffer.size - offset } = resource;
      largest = Math.max(largest, size);
    }
    return create(descriptor);
  };
  return () => largest;
}
