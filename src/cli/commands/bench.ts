// bench: what sampling and training take on this GPU, with random weights and no early stop. Medians of repeated runs, after one
// that is not counted; then one run more, in which every kernel is timed by itself where the GPU can.
import { FUSED_SIZES } from '../../engine/fused-decoder.ts';
import { Profiler } from '../../engine/gpu/profiler.ts';
import { Engine, initialize, type Completion } from '../../engine/index.ts';
import { Objective, type Sample, type UpdateReport } from '../../grpo/objective.ts';
import { resolveOptions } from '../../grpo/options.ts';
import { VOCABULARY } from '../../tasks/tokenizer.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { printJson } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

const PROMPT_TOKENS = 12;
const GROUP = 16;
const EOS = VOCABULARY.indexOf('<eos>');

export async function bench(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, [
    ...['hidden-size', 'layers', 'heads', 'sequences', 'new-tokens', 'repeats'],
    ...['decoder', 'fused-sequences', 'fused-tokens', 'fused-threads'],
  ]);
  const whole = (name: string, fallback: number, max: number): number =>
    given.number(name, fallback, { min: 1, max, integer: true });
  const hiddenSize = whole('hidden-size', 128, 256);
  const newTokens = whole('new-tokens', 100, 244);
  const sequences = Math.ceil(whole('sequences', 512, 4096) / GROUP) * GROUP;
  const repeats = whole('repeats', 5, 1000);
  const config = {
    vocabSize: VOCABULARY.length,
    hiddenSize,
    intermediateSize: 3 * hiddenSize,
    numLayers: whole('layers', 4, 8),
    numHeads: whole('heads', 4, 8),
    maxPositions: PROMPT_TOKENS + newTokens,
  };
  const decoder = given.text('decoder');
  if (decoder !== undefined && decoder !== 'fused' && decoder !== 'layered')
    throw new UsageError(`--decoder must be fused or layered, but it is "${decoder}"`);
  const fused = {
    ...FUSED_SIZES,
    sequences: 4 * Math.ceil(whole('fused-sequences', FUSED_SIZES.sequences, 16) / 4),
    tokens: whole('fused-tokens', FUSED_SIZES.tokens, 256),
    threads: 64 * Math.ceil(whole('fused-threads', FUSED_SIZES.threads, 256) / 64),
  };
  const options = { ...resolveOptions({ beta: 0, numGenerations: GROUP }), rewardWeights: [1] };
  const optimizer = { learningRate: 1e-4, beta1: 0.9, beta2: 0.95, weightDecay: 0, maxGradNorm: 1 };
  const values = Array.from({ length: sequences }, (_, b) => [(b % 7) / 7]);
  const prompts = Array.from({ length: sequences }, (_, b) =>
    Array.from({ length: PROMPT_TOKENS }, (_, t) => (b * 7 + t * 3) % 20),
  );
  const samplesOf = (completions: readonly Completion[]): Sample[] =>
    completions.map(({ ids }, b) => ({
      ids: [...(prompts[b] as number[]), ...ids],
      promptLength: PROMPT_TOKENS,
      truncated: true,
    }));

  await withGpu(async (gpu) => {
    const begin = performance.now();
    const engine = await Engine.create(gpu, initialize(config, 1), { maxSequences: sequences, decoder, fused });
    const objective = await Objective.create(engine, sequences, 1);
    const startMs = performance.now() - begin;
    const sample = (step: number): Promise<Completion[]> =>
      engine.generate(prompts, { ...options, forbidden: [EOS], seed: 1, step, eos: EOS, maxNewTokens: newTokens });
    const train = (samples: readonly Sample[]): Promise<UpdateReport> =>
      objective.update({ samples, rewards: { values, groupSize: GROUP }, options, old: 'current', optimizer });

    const times: { readonly sampling: number; readonly training: number }[] = [];
    for (let repeat = 0; repeat <= repeats; repeat++) {
      const start = performance.now();
      const completions = await sample(repeat);
      const sampling = performance.now() - start;
      const samples = samplesOf(completions);
      const sampled = performance.now();
      await train(samples);
      times.push({ sampling, training: performance.now() - sampled });
    }
    const samplingMs = median(times.slice(1).map(({ sampling }) => sampling));
    const trainingMs = median(times.slice(1).map(({ training }) => training));
    const tokens = sequences * newTokens;

    gpu.profiler = Profiler.create(gpu);
    const completions = await sample(0);
    const samplingProfile = await gpu.profiler?.collect();
    await train(samplesOf(completions));
    const trainingProfile = await gpu.profiler?.collect();
    printJson({
      adapter: gpu.adapter.name,
      config,
      sequences,
      newTokens,
      decoder,
      fused,
      startMs,
      samplingMs,
      trainingMs,
      samplingTokensPerSecond: (tokens / samplingMs) * 1000,
      trainingTokensPerSecond: (tokens / trainingMs) * 1000,
      allocatedMiB: gpu.allocatedBytes / 2 ** 20,
      microBatchRows: engine.learner.maxRows,
      samplingProfile,
      trainingProfile,
    });
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
