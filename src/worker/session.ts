// The state machine behind the page. Commands run one at a time, in the order they came, between the steps of the run:
//
//   idle --start--> running <--pause, resume--> paused
//                   running, paused --> finished, failed
//   start and reset lead out of every state; a command that makes no sense in a state does nothing.
//
// Memory stays bounded however long it runs: a run that is over has no buffers on the GPU, and see run-record.ts for its log.
import { PlaygroundError } from '../base/errors.ts';
import { Gpu, type Checkpoint } from '../engine/index.ts';
import { recallDecoder, tuneDecoder, type ChoiceMemory, type DecoderChoice } from '../engine/tune.ts';
import type { GroupView } from '../recipes/group-view.ts';
import { findPreset } from '../recipes/presets.ts';
import { Run, samplingSizes, type RunStep } from '../recipes/run.ts';
import type { Model } from './models.ts';
import type {
  AdapterView,
  EventListener,
  ExportChoices,
  OpenedModel,
  Origin,
  PickedFile,
  RunEvent,
  RunSettings,
  SessionApi,
  TrlZip,
} from './protocol.ts';
import { describeOpened, openFiles, type Opened } from './opened.ts';
import { RunRecord } from './run-record.ts';
import { trlZip } from './trl.ts';

export interface Surroundings {
  /** The browser's WebGPU, if it has one. */
  readonly gpu: GPU | undefined;
  /** A base model by its folder's name. */
  readonly loadModel: (name: string) => Promise<Model>;
  /** The same with zeros for weights, sooner. */
  readonly loadSizes: (name: string) => Promise<Checkpoint>;
  /** Where the fastest decoder is remembered; without it none is looked for. */
  readonly memory?: ChoiceMemory;
}

type Phase = 'idle' | 'running' | 'paused' | 'finished' | 'failed';

/** Weights are copied off the GPU this often at most, and at every evaluation. */
const KEEP_WEIGHTS_MS = 2000;
/** Steps from one whose kernels are measured to the next. */
const MEASURE_EVERY = 10;

export class Session implements SessionApi {
  readonly #surroundings: Surroundings;
  readonly #commands: (() => Promise<void>)[] = [];
  #working = false;
  #phase: Phase = 'idle';
  #gpu: Gpu | null = null;
  /** Null once it is over. */
  #run: Run | null = null;
  /** From step 0 until the next start or reset. */
  #record: RunRecord | null = null;
  #tell: EventListener = () => undefined;
  #interruption = new AbortController();
  #measuring = false;
  #opened: Opened | null = null;
  /** What was asked to be prepared last, until a start. */
  #prepared: RunSettings | null = null;
  /** Steps from the one whose kernels were measured last to the next. */
  #sinceMeasured = 0;
  /** What the step before took after it was told. */
  #afterMs = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  adapter(): Promise<AdapterView> {
    return this.#inTurn(async () => (await this.#openGpu()).adapter);
  }

  prepare(settings: RunSettings): Promise<void> {
    this.#prepared = settings;
    const goOn = (): void => {
      if (this.#prepared !== settings) throw new Error('a start or other settings came');
    };
    return this.#inTurn(async () => {
      if (this.#prepared !== settings || this.#run) return;
      const { gpu: webgpu, memory, loadSizes } = this.#surroundings;
      try {
        const gpu = await this.#openGpu();
        const sizes = await loadSizes(findPreset(settings.preset).model);
        const compile = async (): Promise<void> => {
          await Run.create(gpu, sizes, settings, goOn, { decoder: await this.#recallDecoder(gpu, sizes, settings) });
          this.#end();
        };
        await compile();
        const sampling = samplingSizes(sizes.config, settings.options);
        if (memory && (await tuneDecoder(webgpu, gpu.adapter, sampling, memory, goOn))) await compile();
      } catch {
        // A start meets the same fault, if there is one, and tells it.
      }
      this.#end();
    });
  }

  start(settings: RunSettings, listener: EventListener, origin: Origin = 'preset'): Promise<void> {
    this.#prepared = null;
    const signal = this.#interrupt();
    return this.#inTurn(async () => {
      if (signal.aborted) return;
      this.#drop();
      this.#tell = (event) => {
        if (!signal.aborted) listener(event);
      };
      await this.#attempt(() => this.#load(settings, signal, origin));
    });
  }

  /** Out of turn: nothing under way looks at what is open. */
  async open(files: readonly PickedFile[]): Promise<OpenedModel> {
    this.#opened = await openFiles(files);
    return describeOpened(this.#opened);
  }

  pause(): Promise<void> {
    return this.#inTurn(() => this.#turn('running', 'paused', { type: 'paused' }));
  }

  resume(): Promise<void> {
    return this.#inTurn(() => this.#turn('paused', 'running', { type: 'resumed' }));
  }

  step(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#phase !== 'paused') return;
      await this.#step();
      this.#turn('paused', 'paused', { type: 'paused' });
    });
  }

  reset(): Promise<void> {
    this.#interrupt();
    return this.#inTurn(() => this.#drop());
  }

  measureKernels(on: boolean): Promise<void> {
    this.#measuring = on;
    this.#sinceMeasured = MEASURE_EVERY; // the next step at once
    return Promise.resolve();
  }

  /** Rejects with bad-settings before there is anything to export. */
  exportZip(choices: ExportChoices = {}): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      const record = this.#record;
      if (!record) throw new PlaygroundError('bad-settings', 'there is no run to export yet: start one first');
      await this.#attempt(() => this.#keepWeights());
      return record.zip(choices);
    });
  }

  exportTrl(settings: RunSettings, origin: Origin = 'preset'): Promise<TrlZip> {
    return this.#inTurn(() => {
      const opened = this.#record || origin === 'preset' ? null : this.#requireOpened();
      const begins = { ...settings, ...(opened && { base: opened.name }) };
      const run = this.#record ?? { settings: begins, log: [], base: opened && opened.checkpoint };
      return trlZip(run, this.#surroundings.loadModel);
    });
  }

  /** Runs `command` after those that came before it and after the step under way. */
  #inTurn<Result>(command: () => Result | Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#commands.push(() => Promise.resolve().then(command).then(resolve, reject));
      if (!this.#working) void this.#work();
    });
  }

  /** Carries out commands and, while none waits, the steps of a running run. A step waits for the GPU, and then messages arrive. */
  async #work(): Promise<void> {
    this.#working = true;
    while (this.#commands.length > 0 || this.#phase === 'running') {
      const command = this.#commands.shift();
      await (command ? command() : this.#step());
    }
    this.#working = false;
  }

  /** Ends what is under way at its next sign of progress, without an event: nobody wants it any more. */
  #interrupt(): AbortSignal {
    this.#interruption.abort();
    this.#interruption = new AbortController();
    return this.#interruption.signal;
  }

  #turn(from: Phase, to: Phase, event: RunEvent): void {
    if (this.#phase !== from) return;
    this.#phase = to;
    this.#tell(event);
  }

  async #load(given: RunSettings, signal: AbortSignal, origin: Origin): Promise<void> {
    const progress = (what: string, done: number, total: number): void => {
      signal.throwIfAborted();
      this.#tell({ type: 'progress', what, done, total });
    };
    const gpu = await this.#openGpu();
    progress('Loading the model', 0, 1);
    const { loadModel, loadSizes } = this.#surroundings;
    const { model } = findPreset(given.preset);
    const opened = origin === 'preset' ? null : this.#requireOpened();
    const before = origin === 'opened run' ? requireRun(opened, given.steps) : null;
    const settings: RunSettings = before
      ? { ...before.settings, steps: given.steps }
      : { ...given, ...(opened && { base: opened.name }) };
    const loading: Promise<Model> = opened ? Promise.resolve(opened) : loadModel(model);
    const weights = loading.then(({ checkpoint }) => checkpoint);
    weights.catch(() => undefined); // it is told where they are awaited, unless something else fails before
    const sizes = opened ? opened.checkpoint : await loadSizes(model);
    progress('Loading the model', 1, 1);
    const parameters = [...sizes.tensors.values()].reduce((sum, tensor) => sum + tensor.length, 0);
    this.#tell({ type: 'started', settings, adapter: gpu.adapter, parameters });
    const preview = (group: GroupView): void => this.#tell({ type: 'preview', group });
    const decoder = await this.#recallDecoder(gpu, sizes, settings);
    const beginning = { weights, preview, state: before?.state, decoder };
    this.#run = await Run.create(gpu, sizes, settings, progress, beginning);
    const { checkpoint, tokenizer } = await loading;
    const { log, completions, state } = before ?? { log: [await this.#run.base()], completions: [], state: null };
    this.#record = new RunRecord(settings, tokenizer, { log, completions, checkpoint, state });
    this.#phase = 'running';
    for (const { step, metrics } of log) this.#tell({ type: 'step', step, metrics, group: null, stepMs: 0, tokens: 0 });
  }

  #requireOpened(): Opened {
    if (this.#opened) return this.#opened;
    throw new PlaygroundError(
      'bad-settings',
      'a model must be opened before a run can begin with it, but there is none',
    );
  }

  async #recallDecoder(gpu: Gpu, { config }: Checkpoint, { options }: RunSettings): Promise<DecoderChoice | undefined> {
    const { memory } = this.#surroundings;
    return memory && recallDecoder(gpu.adapter, samplingSizes(config, options), memory).catch(() => undefined);
  }

  /** One step of the run; it may be the last. */
  async #step(): Promise<void> {
    await this.#attempt(async () => {
      const run = this.#run as Run;
      const record = this.#record as RunRecord;
      const step = await run.step(this.#measuring && this.#sinceMeasured >= MEASURE_EVERY);
      this.#sinceMeasured = step.timing?.kernels ? 1 : this.#sinceMeasured + 1;
      const done = performance.now();
      record.addStep(step);
      this.#tellStep(step);
      const evaluated = 'eval/accuracy' in step.metrics;
      if (evaluated || record.weightsAgeMs >= KEEP_WEIGHTS_MS) await this.#keepWeights();
      this.#afterMs = performance.now() - done;
      if (run.finished) {
        this.#end();
        this.#phase = 'finished';
        this.#tell({ type: 'finished' });
      }
    });
  }

  #tellStep({ step, metrics, group, stepMs, tokens, timing }: RunStep): void {
    const told = timing && { timing: { ...timing, otherMs: timing.otherMs + this.#afterMs } };
    this.#tell({ type: 'step', step, metrics, group, stepMs, tokens, ...told });
  }

  async #keepWeights(why: 'to go on' | 'to begin anew' = 'to go on'): Promise<void> {
    if (!this.#run) return;
    const { checkpoint, state } = await this.#run.snapshot();
    this.#record?.keepWeights({ checkpoint, state: why === 'to go on' ? state : null });
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    const { signal } = this.#interruption;
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) await this.#fail(error);
    }
  }

  async #fail(error: unknown): Promise<void> {
    const known = error instanceof PlaygroundError;
    if (!known) console.error(error);
    // The update that diverged was not applied: the weights on the GPU are newer than those kept, and good. To go on from them would
    // be to diverge again.
    if (known && error.name === 'diverged') await this.#keepWeights('to begin anew').catch(() => undefined);
    this.#end();
    this.#phase = 'failed';
    this.#tell({
      type: 'failed',
      code: known ? error.name : 'worker-crashed',
      message: error instanceof Error ? error.message : String(error),
      exportable: this.#record !== null,
    });
  }

  /** The run is over, its record stays. Compiled kernels stay too, for the next run. */
  #end(): void {
    this.#run = null;
    this.#gpu?.freeAll();
  }

  #drop(): void {
    this.#end();
    this.#record = null;
    this.#afterMs = 0;
    this.#phase = 'idle';
  }

  /** The device at hand, or a new one where there is none or it was lost. Throws webgpu-unavailable. */
  async #openGpu(): Promise<Gpu> {
    try {
      await this.#gpu?.read([]);
    } catch {
      this.#gpu?.destroy();
      this.#gpu = null;
    }
    return (this.#gpu ??= await Gpu.open(this.#surroundings.gpu));
  }
}

function requireRun(opened: Opened | null, steps: number): NonNullable<Opened['run']> {
  if (!opened?.run)
    throw new PlaygroundError('bad-settings', 'what was opened holds no run that can go on: begin a new one with it');
  const { step } = opened.run.state;
  if (steps > step) return opened.run;
  throw new PlaygroundError(
    'bad-settings',
    `the run has done ${step} steps, so that steps must be more, but it is ${steps}`,
  );
}
