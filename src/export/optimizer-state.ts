// What a run needs, besides its weights, to go on as if it had never stopped: the optimizer's moments and the reference, by PyTorch's
// names for them, as one safetensors file, and how far the run had come as JSON. With the estimator ppo the critic lies beside them.
import { parameterLayout, type Checkpoint, type Head, type ModelConfig } from '../engine/config.ts';
import type { GrpoOptions } from '../grpo/options.ts';
import type { TrainerState } from '../grpo/trainer.ts';
import { RUN_FILES } from './run-log.ts';
import { readSafetensors, writeSafetensors, type Tensor } from './safetensors.ts';
import { badCheckpoint, parseJsonObject, show } from './untrusted.ts';

type Tensors = Checkpoint['tensors'];

/** What is put before the names of the weights. */
const PARTS = {
  mean: 'exp_avg.',
  square: 'exp_avg_sq.',
  reference: 'reference.',
  critic: 'critic.',
  criticMean: 'critic.exp_avg.',
  criticSquare: 'critic.exp_avg_sq.',
} as const;
type Part = keyof typeof PARTS;

/** RUN_FILES.state and RUN_FILES.optimizer, by their paths. */
export function writeState(config: ModelConfig, state: TrainerState): Map<string, Uint8Array> {
  const { step, tokens, moments, reference, critic } = state;
  const parts: Record<Part, Tensors | null> = {
    ...moments,
    reference,
    critic: critic && critic.weights,
    criticMean: critic && critic.moments.mean,
    criticSquare: critic && critic.moments.square,
  };
  const tensors = new Map<string, Tensor>();
  for (const { part, name, full, shape } of layout(config)) {
    const data = parts[part]?.get(name);
    if (data) tensors.set(full, { shape, data });
  }
  const json = `${JSON.stringify({ step, num_tokens: tokens }, null, 2)}\n`;
  return new Map([
    [RUN_FILES.state, new TextEncoder().encode(json)],
    [RUN_FILES.optimizer, writeSafetensors(tensors)],
  ]);
}

/** From the bytes of the two files, of a run with these options. Throws bad-checkpoint and nothing else. */
export function readState(
  json: Uint8Array,
  optimizer: Uint8Array,
  config: ModelConfig,
  options: GrpoOptions,
): TrainerState {
  const { step, num_tokens: tokens } = parseJsonObject(RUN_FILES.state, json);
  const count = (name: string, value: unknown): number => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw badCheckpoint(`${RUN_FILES.state}: ${name} must be a whole number of 0 or more, but it is ${show(value)}`);
  };
  const pulled = options.beta > 0;
  const criticised = options.advantageEstimator === 'ppo';
  const parts: readonly Part[] = [
    'mean',
    'square',
    ...(pulled ? (['reference'] as const) : []),
    ...(criticised ? (['critic', 'criticMean', 'criticSquare'] as const) : []),
  ];
  const read = readParts(readSafetensors(optimizer, RUN_FILES.optimizer), config, parts);
  return {
    step: count('step', step),
    tokens: count('num_tokens', tokens),
    moments: { mean: read('mean'), square: read('square') },
    reference: pulled ? read('reference') : null,
    critic: criticised
      ? { weights: read('critic'), moments: { mean: read('criticMean'), square: read('criticSquare') } }
      : null,
  };
}

/** Every tensor that a state may have; a critic's have its head among them. */
function layout(config: ModelConfig) {
  return (Object.keys(PARTS) as Part[]).flatMap((part) => {
    const head: Head = part.startsWith('critic') ? 'value' : 'logits';
    const { tensors } = parameterLayout(config, head);
    return tensors.map(({ name, shape, size }) => ({ part, name, full: PARTS[part] + name, shape, size }));
  });
}

/** Exactly the tensors of the parts, in their shapes, finite, and no mean of squares below zero. */
function readParts(
  tensors: ReadonlyMap<string, Tensor>,
  config: ModelConfig,
  parts: readonly Part[],
): (part: Part) => Tensors {
  const file = RUN_FILES.optimizer;
  const specs = layout(config).filter(({ part }) => parts.includes(part));
  const expected = new Set(specs.map(({ full }) => full));
  const extra = [...tensors.keys()].find((name) => !expected.has(name));
  if (extra !== undefined)
    throw badCheckpoint(`${file} must hold the tensors of its run's settings, but it also holds ${show(extra)}`);
  const read = new Map(parts.map((part) => [part, new Map<string, Float32Array>()]));
  for (const { part, name, full, shape } of specs) {
    const tensor = tensors.get(full);
    if (!tensor) throw badCheckpoint(`${file} must hold ${specs.length} tensors, but ${full} is missing`);
    if (tensor.shape.join() !== shape.join())
      throw badCheckpoint(`${file}: ${full} must be of shape ${show(shape)}, but it is ${show(tensor.shape)}`);
    const isSquare = part === 'square' || part === 'criticSquare';
    const at = tensor.data.findIndex((value) => !Number.isFinite(value) || (isSquare && value < 0));
    if (at >= 0) {
      const numbers = isSquare ? 'finite numbers of 0 or more' : 'finite numbers';
      throw badCheckpoint(`${file} must hold ${numbers}, but ${full} holds ${tensor.data[at]} at index ${at}`);
    }
    read.get(part)?.set(name, tensor.data);
  }
  return (part) => read.get(part) as Tensors;
}
