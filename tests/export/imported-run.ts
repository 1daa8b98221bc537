// A small run with everything that it needs to go on, for the tests of what reads it back.
import { Random } from '../../src/base/random.ts';
import { parameterLayout, type Head } from '../../src/engine/config.ts';
import type { Import } from '../../src/export/import.ts';
import { exportRun } from '../../src/export/zip.ts';
import { resolveOptions, type GrpoOptions } from '../../src/grpo/options.ts';
import type { TrainerState } from '../../src/grpo/trainer.ts';
import type { PresetName } from '../../src/recipes/presets.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';
import { randomCheckpoint, SMALL } from './model.ts';

/** Tensors of the layout; positive ones where they stand for squares. */
function tensors(seed: number, head: Head, positive = false): Map<string, Float32Array> {
  const random = new Random(seed, 5);
  const draw = (): number => (positive ? random.unit() : random.normal());
  return new Map(
    parameterLayout(SMALL, head).tensors.map(({ name, size }) => [name, Float32Array.from({ length: size }, draw)]),
  );
}

function stateOf(step: number, { beta, advantageEstimator }: GrpoOptions): TrainerState {
  const moments = (seed: number, head: Head) => ({
    mean: tensors(seed, head),
    square: tensors(seed + 1, head, true),
  });
  return {
    step,
    tokens: 640,
    moments: moments(2, 'logits'),
    reference: beta > 0 ? tensors(4, 'logits') : null,
    critic: advantageEstimator === 'ppo' ? { weights: tensors(5, 'value'), moments: moments(6, 'value') } : null,
  };
}

/** After step 2 of 250. */
export function interruptedRun(options: Partial<GrpoOptions> = {}): Import<PresetName> {
  const settings = {
    preset: 'aha',
    task: 'countdown',
    seed: 7,
    steps: 250,
    options: resolveOptions({ maxCompletionLength: 40, delta: 2.5, ...options }),
    base: 'my-base',
  } as const;
  return {
    checkpoint: randomCheckpoint(),
    tokenizer: new Tokenizer(),
    run: {
      settings,
      state: stateOf(2, settings.options),
      log: [
        { step: 0, metrics: { 'eval/accuracy': 0.25 } },
        { step: 1, metrics: { reward: 0.5, kl: NaN } },
        { step: 2, metrics: { reward: 0.75, kl: 0.001 } },
      ],
      completions: [1, 2].map((step) => ({
        step,
        prompt: '4,5>9<think>',
        completion: '4+5=9 yes</think>4+5<eos>',
        rewards: { accuracy: 1, format: 0.1 },
        advantage: -0.5,
      })),
    },
  };
}

/** As the page exports it. */
export function zipOf({ checkpoint, tokenizer, run }: Import<PresetName>): Uint8Array {
  if (!run) throw new Error('expected a run');
  const { settings, state, log, completions } = run;
  return exportRun({ checkpoint, tokenizer, settings, step: state.step, log, completions, card: '# A card\n', state });
}
