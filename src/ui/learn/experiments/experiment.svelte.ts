// An experiment of the Learn page: started on click, its stages and rows as they come, its latest rows kept in this browser.
import {
  startExperiment,
  type ExperimentEvent,
  type ExperimentMessage,
  type ExperimentName,
  type ExperimentRequest,
  type Experiments,
  type RunningExperiment,
} from '../../../worker/experiment-client.ts';
import { forget, keep, recall, type KeptRow } from './kept-rows.ts';

type RowOf<Name extends ExperimentName> = Experiments[Name]['row'];
type Progress = Extract<ExperimentEvent, { readonly type: 'progress' }>;

/** A stage with the course of its metrics; long ones are thinned. */
export interface StageView {
  readonly name: string;
  readonly part: Progress['part'];
  readonly done: number;
  readonly total: number;
  readonly points: readonly { readonly done: number; readonly metrics: Progress['metrics'] }[];
  readonly selection: Extract<ExperimentEvent, { readonly type: 'selection' }> | null;
}

export type ExperimentPhase = 'idle' | 'running' | 'finished' | 'failed';

const MAX_POINTS = 200;
/** Messages of a fast GPU are put together for as long, since more cannot be read. */
const MS_BETWEEN_VIEWS = 100;

/** Only one experiment of the page runs at a time: they would take the GPU from each other. */
let underWay = $state<ExperimentName | null>(null);

export class Experiment<Name extends ExperimentName> {
  readonly #name: Name;
  #phase = $state<ExperimentPhase>('idle');
  #stages = $state.raw<readonly StageView[]>([]);
  #kept = $state.raw<readonly KeptRow<RowOf<Name>>[]>([]);
  #adapter = $state.raw<string | null>(null);
  #reduced = $state(false);
  #failure = $state.raw<string | null>(null);
  #quick = $state(false);
  #running: RunningExperiment | null = null;
  #waiting: ExperimentMessage[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Rows that were kept from an earlier visit are there at once. */
  constructor(name: Name) {
    this.#name = name;
    this.#kept = recall<RowOf<Name>>(name);
  }

  get phase(): ExperimentPhase {
    return this.#phase;
  }

  get stages(): readonly StageView[] {
    return this.#stages;
  }

  /** Measured rows with the adapter and the size they were measured at, the oldest first. */
  get rows(): readonly KeptRow<RowOf<Name>>[] {
    return this.#kept;
  }

  get failure(): string | null {
    return this.#failure;
  }

  /** Few and small steps, for a look at how it goes. */
  get quick(): boolean {
    return this.#quick;
  }

  set quick(quick: boolean) {
    this.#quick = quick;
  }

  /** Another experiment has the GPU. */
  get blocked(): boolean {
    return underWay !== null && underWay !== this.#name;
  }

  /** New rows take the place of those for which `replaces` holds; if not given, of all. */
  async start(asked: Experiments[Name]['asked'], replaces: (row: RowOf<Name>) => boolean = () => true): Promise<void> {
    if (underWay) return;
    underWay = this.#name;
    this.#kept = this.#kept.filter(({ row }) => !replaces(row));
    this.#stages = [];
    this.#failure = null;
    this.#phase = 'running';
    const request = { name: this.#name, seed: 1, reduced: this.#quick, ...asked } as unknown as ExperimentRequest;
    const running = startExperiment(request, (message) => {
      if (this.#running === running) this.#push(message);
    });
    this.#running = running;
    try {
      await running.done;
      this.#end('finished');
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      this.#end('failed');
    }
  }

  /** What was measured so far stays. */
  stop(): void {
    this.#running?.stop();
    if (this.#phase === 'running') this.#end('idle');
  }

  forget(): void {
    this.#kept = [];
    this.#stages = [];
    forget(this.#name);
  }

  #end(phase: ExperimentPhase): void {
    this.#flush();
    this.#running = null;
    this.#phase = phase;
    underWay = null;
  }

  #push(message: ExperimentMessage): void {
    this.#waiting.push(message);
    this.#timer ??= setTimeout(() => this.#flush(), MS_BETWEEN_VIEWS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const messages = this.#waiting;
    this.#waiting = [];
    for (const message of messages) this.#take(message);
  }

  #take(message: ExperimentMessage): void {
    switch (message.type) {
      case 'started':
        this.#adapter = message.adapter.name;
        this.#reduced = message.reduced;
        return;
      case 'progress':
      case 'selection':
        this.#stages = advanceStages(this.#stages, message);
        return;
      case 'row': {
        const row = message.row as RowOf<Name>;
        this.#kept = [...this.#kept, { row, adapter: this.#adapter ?? '', reduced: this.#reduced }];
        keep(this.#name, this.#kept);
      }
    }
  }
}

/** A pure fold: the stages after an event. */
export function advanceStages(stages: readonly StageView[], event: ExperimentEvent): readonly StageView[] {
  const before = stages.find(({ name }) => name === event.stage);
  const stage: StageView = before ?? { name: event.stage, part: 'training', done: 0, total: 1, points: [], selection: null }; // prettier-ignore
  const after: StageView =
    event.type === 'selection'
      ? { ...stage, selection: event }
      : {
          ...stage,
          part: event.part,
          done: event.done,
          total: event.total,
          points: thin([...(event.part === stage.part ? stage.points : []), { done: event.done, metrics: event.metrics }]), // prettier-ignore
        };
  return before ? stages.map((each) => (each === before ? after : each)) : [...stages, after];
}

function thin<Point>(points: readonly Point[]): readonly Point[] {
  return points.length <= MAX_POINTS
    ? points
    : points.filter((_, index) => index % 2 === 0 || index === points.length - 1);
}
