// What goes wrong on a device, and that it says so by name.
import { describe, expect, it } from 'vitest';
import { PlaygroundError, type ErrorCode } from '../../src/base/errors.ts';
import { Gpu } from '../../src/engine/index.ts';
import { uniformStruct } from '../../src/engine/gpu/gpu.ts';
import { Profiler } from '../../src/engine/gpu/profiler.ts';
import { openGpu } from './open.ts';

async function expectError(attempt: () => unknown, code: ErrorCode, message: RegExp): Promise<void> {
  let error: unknown;
  try {
    await attempt();
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(PlaygroundError);
  expect((error as PlaygroundError).name).toBe(code);
  expect((error as PlaygroundError).message).toMatch(message);
}

const doubling = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(1)
fn double(@builtin(global_invocation_id) id: vec3u) { values[id.x] *= f32(FACTOR); }`;

describe('a device that is not there', () => {
  it('is webgpu-unavailable in a browser without WebGPU', async () => {
    await expectError(() => Gpu.open(undefined), 'webgpu-unavailable', /current Chrome/);
  });

  it('is webgpu-unavailable where WebGPU finds no adapter or gets no device', async () => {
    const without = (adapter: GPUAdapter | null): GPU =>
      Object.create(navigator.gpu, { requestAdapter: { value: () => Promise.resolve(adapter) } }) as GPU;
    await expectError(() => Gpu.open(without(null)), 'webgpu-unavailable', /no adapter/);
    const adapter = await navigator.gpu.requestAdapter();
    await adapter!.requestDevice(); // an adapter gives one device only
    await expectError(() => Gpu.open(without(adapter)), 'webgpu-unavailable', /refused a device/);
  });
});

describe('a device', () => {
  it('says which adapter it runs on', async () => {
    const { adapter } = await openGpu();
    expect(adapter.name).not.toBe('');
  });

  it('refuses a buffer beyond its limits with limit-too-small, before anything is allocated', async () => {
    const gpu = await openGpu();
    const before = gpu.allocatedBytes;
    const attempt = (): unknown => gpu.buffer('logits', gpu.device.limits.maxBufferSize + 4);
    await expectError(attempt, 'limit-too-small', /buffer logits needs \d+ bytes.*smaller model/);
    expect(gpu.allocatedBytes).toBe(before);
  });

  it('counts what it is given to do', async () => {
    const gpu = await openGpu();
    const values = gpu.buffer('values', 16);
    const dispatch = await gpu.dispatch({
      source: doubling,
      entry: 'double',
      constants: { FACTOR: 2 },
      bind: { values },
      grid: (rows) => [rows, 1, 1],
    });
    const before = { ...gpu.counts };
    gpu.submit((encoder) => gpu.encode(encoder, [dispatch, dispatch], 4));
    await gpu.read([]);
    expect(gpu.counts).toEqual({ dispatches: before.dispatches + 2, submits: before.submits + 2 });
    gpu.free([values]);
  });

  it('counts the bytes of its buffers until they are freed, once', async () => {
    const gpu = await openGpu();
    const before = gpu.allocatedBytes;
    const buffer = gpu.buffer('numbers', 1000);
    expect(gpu.allocatedBytes).toBe(before + 1000);
    gpu.free([buffer, buffer]);
    expect(gpu.allocatedBytes).toBe(before);
  });

  it('reports the line of a shader that does not compile', async () => {
    const gpu = await openGpu();
    const broken = doubling.replace('f32(FACTOR)', 'no_such_name');
    await expectError(
      () => gpu.pipeline(broken, 'double', {}),
      'shader-compile',
      /kernel double .* line \d+: .*no_such_name/,
    );
    await expectError(() => gpu.pipeline(doubling, 'halve', { FACTOR: 2 }), 'shader-compile', /kernel halve/);
  });

  it('reports a binding or a uniform member that the shader does not declare', async () => {
    const gpu = await openGpu();
    const call = { source: doubling, entry: 'double', constants: { FACTOR: 2 }, grid: () => [1, 1, 1] as const };
    await expectError(
      () => gpu.dispatch({ ...call, bind: { numbers: gpu.buffer('numbers', 16) } }),
      'gpu-validation',
      /numbers/,
    );
    const struct = 'struct Sizes {\n  rows: u32,\n  scale: f32,\n}';
    const make = (values: Record<string, number>) => (): unknown => uniformStruct(struct, 'Sizes', values);
    await expectError(make({ rows: 1 }), 'gpu-validation', /scale/);
    await expectError(make({ rows: 1, scale: 2, columns: 3 }), 'gpu-validation', /columns/);
  });

  it('reports a refused command at the next read, once, and goes on', async () => {
    const gpu = await openGpu();
    const small = gpu.buffer('small', 16);
    gpu.write(small, new Float32Array(100));
    await expectError(() => gpu.read([{ buffer: small, bytes: 16 }]), 'gpu-validation', /refused a command/);
    gpu.write(small, Float32Array.of(1, 2, 3, 4));
    const [bytes] = await gpu.read([{ buffer: small, bytes: 16 }]);
    expect(Array.from(new Float32Array(bytes!))).toEqual([1, 2, 3, 4]);
  });

  it('reads several buffers at once and any number of reads at a time', async () => {
    const gpu = await openGpu();
    const buffers = [1, 2, 3].map((value) => {
      const buffer = gpu.buffer(`filled with ${value}`, 400);
      gpu.write(buffer, new Float32Array(100).fill(value));
      return buffer;
    });
    const reads = buffers.map((buffer) => gpu.read([{ buffer, bytes: 400 }, { buffer: buffers[0]!, bytes: 4 }])); // prettier-ignore
    (await Promise.all(reads)).forEach(([all, first], index) => {
      expect(Array.from(new Float32Array(all!))).toEqual(new Array<number>(100).fill(index + 1));
      expect(Array.from(new Float32Array(first!))).toEqual([1]);
    });
  });
});

describe('a profiler', () => {
  it('measures every dispatch under its label and leaves the results as they are, also more than a query set holds', async () => {
    const gpu = await openGpu();
    const values = gpu.buffer('values', 4);
    gpu.write(values, Float32Array.of(0));
    const source = doubling.replace('*= f32(FACTOR)', '+= 1.0').replace('double', 'count');
    const call = { source, entry: 'count', constants: {}, bind: { values }, grid: () => [1, 1, 1] as const };
    const dispatch = await gpu.dispatch(call);
    const run = (times: number): void => {
      gpu.submit((encoder) => {
        gpu.encode(encoder, new Array<typeof dispatch>(times).fill(dispatch), 1);
      });
    };
    const profiler = Profiler.create(gpu)!;
    gpu.profiler = profiler;
    run(3);
    run(7);
    expect(await profiler.collect()).toEqual([{ label: 'count', count: 10, totalMs: expect.any(Number) as number }]);
    expect(await profiler.collect()).toEqual([]);
    run(2040);
    run(2060);
    expect(await profiler.collect()).toEqual([{ label: 'count', count: 4100, totalMs: expect.any(Number) as number }]);
    gpu.profiler = null;
    run(1);
    const [bytes] = await gpu.read([{ buffer: values, bytes: 4 }]);
    expect(new Float32Array(bytes!)[0]).toBe(3 + 7 + 4100 + 1);
  });
});

describe('a lost device', () => {
  it('rejects a read under way and every later one with device-lost', async () => {
    const gpu = await Gpu.open(navigator.gpu);
    const buffer = gpu.buffer('numbers', 16);
    const reading = gpu.read([{ buffer, bytes: 16 }]);
    gpu.device.destroy();
    await expectError(() => reading, 'device-lost', /lost/);
    await expectError(() => gpu.read([{ buffer, bytes: 16 }]), 'device-lost', /lost/);
  });

  it('is let go of with all its buffers', async () => {
    const gpu = await Gpu.open(navigator.gpu);
    gpu.buffer('numbers', 4096);
    gpu.destroy();
    expect(gpu.allocatedBytes).toBe(0);
    await expect(gpu.device.lost).resolves.toMatchObject({ reason: 'destroyed' });
  });
});
