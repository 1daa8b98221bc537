// The engine as one side of a parity check.
import type { Checkpoint, Gpu } from '../engine/index.ts';
import { Engine } from '../engine/index.ts';
import { Objective } from '../grpo/objective.ts';
import { DEFAULT_OPTIONS } from '../grpo/options.ts';
import type { Policy } from './parity.ts';

/** Its buffers stay on the GPU until that is freed. It takes up to `maxSequences` prompts or sequences at once. */
export async function enginePolicy(
  gpu: Gpu,
  checkpoint: Checkpoint,
  eos: number,
  maxSequences: number,
): Promise<Policy> {
  const engine = await Engine.create(gpu, checkpoint, { maxSequences });
  const objective = await Objective.create(engine, maxSequences, 1);
  return {
    async complete(prompts, maxNewTokens) {
      const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, forbidden: [], seed: 0, step: 0 };
      const completions = await engine.generate(prompts, { ...greedy, eos, maxNewTokens });
      return completions.map(({ ids }) => ids);
    },
    logProbs(sequences) {
      const samples = sequences.map((ids) => ({ ids, promptLength: 1, truncated: false }));
      return objective.score(samples, DEFAULT_OPTIONS);
    },
  };
}
