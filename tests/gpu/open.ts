// The browser's own WebGPU, once for all tests of a file, and models and samples to try it with. A missing adapter fails the test.
import { initialize } from '../../src/engine/initialize.ts';
import type { Checkpoint, ModelConfig } from '../../src/engine/config.ts';
import { Gpu, type Engine } from '../../src/engine/index.ts';
import { splitTensors } from '../../src/engine/parameters.ts';
import { Random } from '../../src/base/random.ts';
import type { Sample } from '../../src/grpo/objective.ts';

let opened: Promise<Gpu> | undefined;

export function openGpu(): Promise<Gpu> {
  return (opened ??= Gpu.open(navigator.gpu));
}

/** The browser's WebGPU with an adapter that claims to be a graphics card, or a software adapter. */
export function disguised(architecture: 'rocket' | 'swiftshader'): GPU {
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<unknown> => {
    const adapter = (await navigator.gpu.requestAdapter(options))!;
    return {
      limits: adapter.limits,
      features: adapter.features,
      info: { vendor: 'acme', architecture, device: '', description: '', isFallbackAdapter: false },
      requestDevice: (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
    };
  };
  return { requestAdapter } as unknown as GPU;
}

/** The gradients of the last update, by tensor name. */
export async function readGradients(engine: Pick<Engine, 'gpu' | 'learner'>): Promise<Map<string, Float32Array>> {
  const { buffer, layout } = engine.learner.gradients;
  const [bytes] = await engine.gpu.read([{ buffer, bytes: layout.floats * 4 }]);
  return splitTensors(layout, new Float32Array(bytes!));
}

/** Weights large enough that every path of the model matters. */
export function roughModel(config: ModelConfig, seed: number): Checkpoint {
  const random = new Random(seed, 7);
  const { tensors } = initialize(config, seed);
  const scaled = [...tensors].map(([name, tensor]): [string, Float32Array] => [
    name,
    tensor.map((value) => (name.endsWith('norm.weight') ? 1 + 0.3 * random.normal() : value * 8)),
  ]);
  return { config, tensors: new Map(scaled) };
}

/** Ragged random samples. */
export function randomSamples(config: ModelConfig, count: number, seed: number): Sample[] {
  const random = new Random(seed, 8);
  return Array.from({ length: count }, () => {
    const promptLength = 1 + random.integer(4);
    const length = Math.min(config.maxPositions, promptLength + 1 + random.integer(config.maxPositions - 5));
    return {
      ids: Array.from({ length }, () => random.integer(config.vocabSize)),
      promptLength,
      truncated: random.unit() < 0.3,
    };
  });
}
