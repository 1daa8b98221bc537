// WebGPU in Node: Dawn, from the npm package `webgpu` or from the file that DAWN_NODE names.
import { createRequire } from 'node:module';
import { PlaygroundError } from '../base/errors.ts';
import { Gpu } from '../engine/index.ts';

interface Dawn {
  readonly create: (flags: string[]) => GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

/** Dawn's one instance: the process crashes once an instance is collected as garbage. */
let dawn: GPU | undefined;

/** Runs `use` with an open device and closes it. Throws webgpu-unavailable. */
export async function withGpu<Result>(use: (gpu: Gpu) => Promise<Result>): Promise<Result> {
  const { create, globals } = await loadDawn();
  Object.assign(globalThis, globals);
  dawn ??= create([]);
  const gpu = await open(dawn);
  try {
    return await use(gpu);
  } finally {
    gpu.destroy();
  }
}

/** As Gpu.open, with advice that fits Node. */
async function open(instance: GPU): Promise<Gpu> {
  try {
    return await Gpu.open(instance);
  } catch (cause) {
    if (!(cause instanceof PlaygroundError && cause.name === 'webgpu-unavailable')) throw cause;
    const message = 'Dawn found no GPU to use: install a driver for Vulkan, Metal or Direct3D 12';
    throw new PlaygroundError('webgpu-unavailable', message, { cause });
  }
}

async function loadDawn(): Promise<Dawn> {
  const file = process.env['DAWN_NODE'];
  try {
    return (file ? createRequire(import.meta.url)(file) : await import('webgpu')) as Dawn;
  } catch (cause) {
    const message = `Node needs Dawn for WebGPU: run npm install, or let DAWN_NODE name a dawn.node file (${(cause as Error).message.split('\n')[0]})`;
    throw new PlaygroundError('webgpu-unavailable', message, { cause });
  }
}
