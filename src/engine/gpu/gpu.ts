// A WebGPU device with the few things that the engine does with it: kernels from WGSL files, buffers, dispatches, readback.
import prelude from '../../../shaders/prelude.wgsl?raw';
import { PlaygroundError } from '../../base/errors.ts';
import type { Profiler } from './profiler.ts';

export interface AdapterReport {
  /** For a person: "nvidia hopper", or the description where the browser gives one. */
  readonly name: string;
  /** The adapter runs on the CPU. */
  readonly software: boolean;
}

/** Numbers put in front of a shader file as `const NAME = value` (u32 where whole, f32 where given as text). */
export type ShaderConstants = Readonly<Record<string, number | string>>;

/** One recorded dispatch: everything but the number of rows is fixed when it is made. */
export interface Dispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  /** Workgroups for a number of rows. */
  readonly grid: (rows: number) => readonly [number, number, number];
}

export interface KernelCall {
  /** A WGSL file's text; the prelude and the constants are put in front. */
  readonly source: string;
  readonly entry: string;
  readonly constants: ShaderConstants;
  /** By the names that the WGSL file gives its bindings; exactly those that the entry point uses. */
  readonly bind: Readonly<Record<string, GPUBuffer | GPUBufferBinding>>;
  readonly grid: Dispatch['grid'];
}

export class Gpu {
  readonly device: GPUDevice;
  readonly adapter: AdapterReport;
  /** Set to measure dispatches one by one. */
  profiler: Profiler | null = null;
  /** Bytes in buffers that exist now. */
  allocatedBytes = 0;
  /** Since the device was opened. */
  readonly counts = { dispatches: 0, submits: 0 };
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #buffers = new Set<GPUBuffer>();
  readonly #staging: GPUBuffer[] = [];
  #fault: PlaygroundError | null = null;

  private constructor(device: GPUDevice, adapter: AdapterReport) {
    this.device = device;
    this.adapter = adapter;
    device.addEventListener('uncapturederror', (event) => {
      const { error } = event;
      const code = error instanceof GPUOutOfMemoryError ? 'out-of-memory' : 'gpu-validation';
      this.#fault ??= new PlaygroundError(code, `the GPU refused a command: ${error.message}`);
    });
    void device.lost.then((info) => {
      if (info.reason === 'destroyed') return;
      this.#fault = new PlaygroundError(
        'device-lost',
        `the GPU device was lost: ${info.message}. Start again; weights read back before are kept.`,
      );
    });
  }

  /** Opens a device with the adapter's own limits. Throws webgpu-unavailable. */
  static async open(gpu: GPU | undefined): Promise<Gpu> {
    if (!gpu)
      throw new PlaygroundError(
        'webgpu-unavailable',
        'this browser has no WebGPU: use a current Chrome or Edge, or enable it in the settings',
      );
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter)
      throw new PlaygroundError(
        'webgpu-unavailable',
        'WebGPU found no adapter: enable hardware acceleration in the browser settings',
      );
    const { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize } = adapter.limits;
    const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = adapter.limits;
    try {
      const device = await adapter.requestDevice({
        requiredLimits: {
          maxBufferSize,
          maxStorageBufferBindingSize,
          maxComputeWorkgroupStorageSize,
          maxComputeInvocationsPerWorkgroup,
          maxComputeWorkgroupSizeX,
        },
        requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
      });
      return new Gpu(device, describeAdapter(adapter.info));
    } catch (cause) {
      throw new PlaygroundError(
        'webgpu-unavailable',
        `WebGPU refused a device: ${String(cause)}. Restart the browser.`,
        {
          cause,
        },
      );
    }
  }

  /** A zeroed buffer. Throws limit-too-small where it exceeds what this adapter has. */
  buffer(
    label: string,
    bytes: number,
    usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  ): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 4) * 4);
    const limit = this.device.limits.maxBufferSize;
    if (size > limit)
      throw new PlaygroundError(
        'limit-too-small',
        `buffer ${label} needs ${size} bytes, but this adapter has at most ${limit}: choose a smaller model, shorter completions or fewer of them`,
      );
    const buffer = this.device.createBuffer({ label, size, usage });
    this.#buffers.add(buffer);
    this.allocatedBytes += size;
    return buffer;
  }

  /** A uniform buffer that shaders may also write. */
  uniform(label: string, bytes: number): GPUBuffer {
    return this.buffer(label, bytes, GPUBufferUsage.UNIFORM | GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
  }

  free(buffers: Iterable<GPUBuffer>): void {
    for (const buffer of buffers) {
      if (!this.#buffers.delete(buffer)) continue;
      this.allocatedBytes -= buffer.size;
      buffer.destroy();
    }
  }

  /** Compiles once per (file, entry point, constants). Throws shader-compile with the compiler's first message. */
  pipeline(source: string, entry: string, constants: ShaderConstants): Promise<GPUComputePipeline> {
    const head = Object.entries(constants).map(([name, value]) =>
      typeof value === 'number' ? `const ${name} = ${value}u;` : `const ${name}: f32 = ${value};`,
    );
    const code = `${head.join('\n')}\n${prelude}\n${source}`;
    const key = `${entry}\n${code}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(code, entry);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  async #compile(code: string, entry: string): Promise<GPUComputePipeline> {
    this.device.pushErrorScope('validation'); // what the compiler refuses is thrown here, not at the next read too
    const module = this.device.createShaderModule({ label: entry, code });
    const compiled = this.device.popErrorScope();
    try {
      await compiled;
      return await this.device.createComputePipelineAsync({
        label: entry,
        layout: 'auto',
        compute: { module, entryPoint: entry },
      });
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      const first = messages.find((message) => message.type === 'error');
      const why = first ? `line ${first.lineNum}: ${first.message}` : String(cause);
      throw new PlaygroundError('shader-compile', `kernel ${entry} does not compile on this adapter: ${why}`, {
        cause,
      });
    }
  }

  /** Makes a dispatch ready to be encoded any number of times. */
  async dispatch(call: KernelCall): Promise<Dispatch> {
    const pipeline = await this.pipeline(call.source, call.entry, call.constants);
    const entries = Object.entries(call.bind).map(([name, buffer]) => ({
      binding: bindingIndex(call.source, name),
      resource: 'buffer' in buffer ? buffer : { buffer },
    }));
    const bindings = this.device.createBindGroup({
      label: call.entry,
      layout: pipeline.getBindGroupLayout(0),
      entries,
    });
    return { label: call.entry, pipeline, bindings, grid: call.grid };
  }

  write(buffer: GPUBuffer, data: ArrayBufferView, byteOffset = 0): void {
    this.device.queue.writeBuffer(buffer, byteOffset, data.buffer, data.byteOffset, data.byteLength);
  }

  /** Encodes dispatches into one compute pass, or a pass each while a profiler is at work. */
  encode(encoder: GPUCommandEncoder, dispatches: readonly Dispatch[], rows: number): void {
    this.counts.dispatches += dispatches.length;
    if (this.profiler) {
      this.profiler.encode(encoder, dispatches, rows);
      return;
    }
    const pass = encoder.beginComputePass();
    for (const { pipeline, bindings, grid } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindings);
      pass.dispatchWorkgroups(...grid(rows));
    }
    pass.end();
  }

  /** Records with `record` into one command buffer and submits it. */
  submit(record: (encoder: GPUCommandEncoder) => void): void {
    const encoder = this.device.createCommandEncoder();
    record(encoder);
    this.device.queue.submit([encoder.finish()]);
    this.counts.submits += 1;
  }

  /** Copies of `bytes` of buffers from `offset` on, after everything submitted before. Throws whatever went wrong on the device since the last call. */
  async read(
    sources: readonly { readonly buffer: GPUBuffer; readonly offset?: number; readonly bytes: number }[],
  ): Promise<ArrayBuffer[]> {
    const total = sources.reduce((sum, source) => sum + source.bytes, 0);
    this.#throwFault();
    const staging = this.#takeStaging(total);
    this.submit((encoder) => {
      let end = 0;
      for (const { buffer, offset = 0, bytes } of sources) {
        if (bytes > 0) encoder.copyBufferToBuffer(buffer, offset, staging, end, bytes);
        end += bytes;
      }
    });
    try {
      await staging.mapAsync(GPUMapMode.READ);
    } catch (cause) {
      await new Promise((resolve) => setTimeout(resolve)); // lets the device's own report arrive first
      this.#throwFault();
      throw new PlaygroundError('device-lost', `the GPU device was lost while results were read: ${String(cause)}`, {
        cause,
      });
    }
    const mapped = staging.getMappedRange();
    let offset = 0;
    const copies = sources.map(({ bytes }) => mapped.slice(offset, (offset += bytes)));
    staging.unmap();
    this.#staging.push(staging);
    this.#throwFault();
    return copies;
  }

  /** A refused command is reported once; a lost device stays lost. */
  #throwFault(): void {
    const fault = this.#fault;
    if (fault?.name !== 'device-lost') this.#fault = null;
    if (fault) throw fault;
  }

  /** A mappable buffer from those given back, or a new one. */
  #takeStaging(bytes: number): GPUBuffer {
    const index = this.#staging.findIndex((buffer) => buffer.size >= bytes);
    const [found] = index < 0 ? [] : this.#staging.splice(index, 1);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    return found ?? this.buffer('readback', bytes, usage);
  }

  /** Frees every buffer; what is compiled stays. */
  freeAll(): void {
    this.free([...this.#buffers]);
    this.#staging.length = 0;
  }

  destroy(): void {
    this.freeAll();
    this.device.destroy();
  }
}

/** Reads the index of a named binding from the WGSL text. */
function bindingIndex(source: string, name: string): number {
  const found = new RegExp(`@binding\\((\\d+)\\)\\s*var<[^>]*>\\s*${name}\\s*:`).exec(source);
  if (!found) throw new PlaygroundError('gpu-validation', `the shader has no binding named ${name}`);
  return Number(found[1]);
}

/** The bytes of a WGSL uniform struct whose members are all 4-byte scalars, laid out from its declaration. Throws gpu-validation for a missing or unknown member. */
export function uniformStruct(source: string, name: string, values: Readonly<Record<string, number>>): ArrayBuffer {
  const body = new RegExp(`struct ${name} \\{([^}]*)\\}`).exec(source)?.[1] ?? '';
  const members = [...body.matchAll(/^\s*(\w+)\s*:\s*(u32|f32)/gm)];
  const unknown = Object.keys(values).find((key) => !members.some(([, member]) => member === key));
  if (members.length === 0 || unknown)
    throw new PlaygroundError('gpu-validation', `struct ${name} has no member ${unknown ?? ''}`);
  const view = new DataView(new ArrayBuffer(Math.ceil(members.length / 4) * 16));
  members.forEach(([, member = '', type], index) => {
    const value = values[member];
    if (value === undefined) throw new PlaygroundError('gpu-validation', `struct ${name} was given no ${member}`);
    if (type === 'u32') view.setUint32(index * 4, value, true);
    else view.setFloat32(index * 4, value, true);
  });
  return view.buffer;
}

function describeAdapter(info: GPUAdapterInfo): AdapterReport {
  // A slug such as nvidia-h100; some browsers give a number here, most nothing.
  const device = info.device.startsWith('0x') ? '' : info.device.replaceAll('-', ' ').trim();
  const family = [info.vendor, info.architecture].filter(Boolean).join(' ');
  const name = device || family || info.description || 'unnamed adapter';
  const software =
    info.isFallbackAdapter ||
    /swiftshader|llvmpipe|software|basic render/i.test(`${name} ${info.description} ${info.architecture}`);
  return { name, software };
}
