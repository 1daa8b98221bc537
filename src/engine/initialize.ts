// Weights before any training: normal with std 0.02 as Llama's, the two projections onto the residual stream scaled down by
// 1 / sqrt(2 L) (GPT-2), gains 1.
import { Random } from '../base/random.ts';
import { parameterLayout, validateConfig, type Checkpoint, type ModelConfig } from './config.ts';

/** Throws bad-settings for a size out of range. */
export function initialize(config: ModelConfig, seed: number): Checkpoint {
  validateConfig(config);
  const random = new Random(seed);
  const tensors = new Map<string, Float32Array>();
  for (const { name, shape, size } of parameterLayout(config).tensors) {
    const toResidual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
    const std = toResidual ? 0.02 / Math.sqrt(2 * config.numLayers) : 0.02;
    const draw = shape.length === 1 ? () => 1 : () => random.normal() * std;
    tensors.set(name, Float32Array.from({ length: size }, draw));
  }
  return { config, tensors };
}
