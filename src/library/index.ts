/**
 * The playground's engine as a library: GRPO on a small Llama, all in WebGPU, in a browser or in Node with the package `webgpu`.
 *
 * ```ts
 * import { Engine, environmentOf, Gpu, initialize, resolveOptions, tasks, Trainer, writeModelFolder } from 'grpo-playground';
 *
 * const gpu = await Gpu.open(navigator.gpu);
 * const task = tasks.addition;
 * const sizes = { hiddenSize: 64, intermediateSize: 192, numLayers: 2, numHeads: 4, maxPositions: 128 };
 * const base = initialize({ ...sizes, vocabSize: task.tokenizer.symbols.length }, 1); // or readModelFolder(files).checkpoint
 *
 * const options = resolveOptions({ promptsPerStep: 8, numGenerations: 8, maxCompletionLength: 100 });
 * const engine = await Engine.create(gpu, base, { maxSequences: options.promptsPerStep * options.numGenerations });
 * const trainer = await Trainer.create(engine, environmentOf(task), options, 1);
 * for (let n = 0; n < 100; n++) {
 *   const { step, metrics } = await trainer.step();
 *   console.log(step, metrics.reward);
 * }
 * const files = writeModelFolder(await engine.checkpoint(), task.tokenizer); // what `transformers` loads
 * ```
 *
 * In Node, `navigator.gpu` is `create([])` of the package `webgpu`, whose `globals` go into `globalThis` first; keep what `create`
 * returned for as long as the engine is used.
 *
 * Whatever goes wrong is a `PlaygroundError`, whose `name` is one of a closed set and whose message says what to do.
 *
 * @module
 */
import { resolveOptions as resolve, type GrpoOptions } from '../grpo/options.ts';

export { PlaygroundError, type ErrorCode } from '../base/errors.ts';
export { Random } from '../base/random.ts';
export {
  Engine,
  Gpu,
  initialize,
  type AdapterReport,
  type Checkpoint,
  type Completion,
  type EngineOptions,
  type ModelConfig,
  type SamplingSettings,
} from '../engine/index.ts';
export { readModelFolder, writeModelFolder, type Folder } from '../export/hugging-face.ts';
export type { Metrics } from '../grpo/metrics.ts';
export { OPTION_SPECS, type GrpoOptions, type OptionSpec } from '../grpo/options.ts';
export { Trainer, type Draft, type Environment, type Rollout, type TrainerStep } from '../grpo/trainer.ts';
export { environmentOf } from '../recipes/environment.ts';
export { evaluate, type Evaluation, type EvaluationSettings } from '../recipes/evaluate.ts';
export type { Attempt, Demonstration, RewardFunctions, Task, TaskName } from '../tasks/task.ts';
export { Tokenizer } from '../tasks/tokenizer.ts';

/** The tasks of the playground, by name: prompts, rewards, a held-out set. Another is an object of the type `Task`. */
export { TASKS as tasks } from '../tasks/registry.ts';

/** All options from those that differ from the defaults. Throws bad-settings naming the option, what it must be and what came. */
export const resolveOptions: (given: Readonly<Partial<GrpoOptions>>) => GrpoOptions = resolve;
