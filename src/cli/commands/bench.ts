// bench [--hidden-size D] [--layers L] [--heads H] [--sequences B] [--new-tokens N] [--repeats R]: what a step takes on this
// adapter, with random weights and no early stop. Medians of repeated runs, after one that is not counted.
import { Profiler } from '../../engine/gpu/profiler.ts';
import { Engine, initialize } from '../../engine/index.ts';
import { Objective, type Sample } from '../../grpo/objective.ts';
import { resolveOptions } from '../../grpo/options.ts';
import { VOCABULARY } from '../../tasks/tokenizer.ts';
import { Arguments } from '../arguments.ts';
import { printJson } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

const PROMPT_TOKENS = 12;
const GROUP = 16;

export async function bench(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['hidden-size', 'layers', 'heads', 'sequences', 'new-tokens', 'repeats']);
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
  await withGpu(async (gpu) => {
    const begin = performance.now();
    const engine = await Engine.create(gpu, initialize(config, 1), { maxSequences: sequences });
    const objective = await Objective.create(engine, sequences, 1);
    const startMs = performance.now() - begin;
    const options = { ...resolveOptions({ beta: 0, numGenerations: GROUP }), rewardWeights: [1] };
    const optimizer = { learningRate: 1e-4, beta1: 0.9, beta2: 0.95, weightDecay: 0, maxGradNorm: 1 };
    const prompts = Array.from({ length: sequences }, (_, b) =>
      Array.from({ length: PROMPT_TOKENS }, (_, t) => (b * 7 + t * 3) % 20),
    );
    const eos = VOCABULARY.indexOf('<eos>');
    const sampling: number[] = [];
    const training: number[] = [];
    for (let repeat = 0; repeat <= repeats; repeat++) {
      const start = performance.now();
      const completions = await engine.generate(prompts, {
        ...options,
        forbidden: [eos],
        seed: 1,
        step: repeat,
        eos,
        maxNewTokens: newTokens,
      });
      const sampled = performance.now();
      const samples = completions.map(({ ids }, b): Sample => ({
        ids: [...(prompts[b] as number[]), ...ids],
        promptLength: PROMPT_TOKENS,
        truncated: true,
      }));
      const values = samples.map((_, b) => [(b % 7) / 7]);
      const packed = performance.now();
      await objective.update({ samples, rewards: { values, groupSize: GROUP }, options, old: 'current', optimizer });
      const done = performance.now();
      if (repeat > 0) {
        sampling.push(sampled - start);
        training.push(done - packed);
      }
    }
    gpu.profiler = Profiler.create(gpu);
    const profile = async (run: () => Promise<unknown>): Promise<unknown> => {
      await run();
      return gpu.profiler?.collect();
    };
    const run = async () =>
      engine.generate(prompts, { ...options, forbidden: [eos], seed: 1, step: 0, eos, maxNewTokens: newTokens });
    const samplingProfile = await profile(run);
    const rolled = await run();
    await gpu.profiler?.collect();
    const trainingProfile = await profile(() =>
      objective.update({
        samples: rolled.map(({ ids }, b) => ({ ids: [...(prompts[b] as number[]), ...ids], promptLength: PROMPT_TOKENS, truncated: true })),
        rewards: { values: rolled.map((_, b) => [(b % 7) / 7]), groupSize: GROUP },
        options,
        old: 'current',
        optimizer,
      }),
    );
    const samplingMs = median(sampling);
    const trainingMs = median(training);
    const tokens = sequences * newTokens;
    printJson({
      adapter: gpu.adapter.name,
      config,
      sequences,
      newTokens,
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
