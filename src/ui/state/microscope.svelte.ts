// Which group is under the microscope: the latest, one held while somebody looks at it, or one chosen by hand; before step 1, what
// the base model says.
import { sortAnswers, toAnswer, type Order } from './completions.ts';
import type { GroupView } from '../../worker/protocol.ts';
import type { RunView, StepRecord } from './run-view.ts';

/** A group stays for at least this long, so that it can be read. */
const READING_MS = 1200;

export class Microscope {
  readonly #view: () => RunView;
  readonly #msBetweenSteps: () => number;
  #chosen = $state<number | null>(null);
  #held = $state.raw<StepRecord | null>(null);
  #order = $state<Order>('reward');
  #records = $derived.by(() => this.#view().steps.filter((record) => record.group !== null));
  #followed = $derived.by(() => {
    if (this.#view().phase !== 'running') return this.#records.at(-1);
    const every = Math.max(1, Math.ceil(READING_MS / Math.max(1, this.#msBetweenSteps())));
    return this.#records.findLast((record) => record.step % every === 0) ?? this.#records.at(-1);
  });
  #shown = $derived.by(() => {
    const chosen = this.#records.find((record) => record.step === this.#chosen);
    const held = this.#records.find((record) => record === this.#held);
    return chosen ?? held ?? this.#followed ?? null;
  });
  #group = $derived.by(() => this.#shown?.group ?? this.#view().preview);
  #unsorted = $derived((this.#group?.completions ?? []).map(toAnswer));
  #answers = $derived(sortAnswers(this.#unsorted, this.#order));

  constructor(view: () => RunView, msBetweenSteps: () => number) {
    this.#view = view;
    this.#msBetweenSteps = msBetweenSteps;
  }

  /** The steps that have a group. */
  get records(): readonly StepRecord[] {
    return this.#records;
  }

  /** Null where there is none yet: then the group is the preview, if there is one. */
  get shown(): StepRecord | null {
    return this.#shown;
  }

  get group(): GroupView | null {
    return this.#group;
  }

  /** Of the shown group, in the chosen order. */
  get answers(): ReturnType<typeof sortAnswers> {
    return this.#answers;
  }

  get order(): Order {
    return this.#order;
  }

  set order(order: Order) {
    this.#order = order;
  }

  /** It does not follow the run, as a step was chosen. */
  get chosen(): boolean {
    return this.#chosen !== null;
  }

  /** It stays because somebody looks at it, while the run has gone on. */
  get held(): boolean {
    return this.#shown !== null && this.#shown === this.#held && this.#shown !== this.#followed;
  }

  /** By its place among `records`; the last one means to follow the run again. */
  choose(place: number): void {
    this.#chosen = place >= this.#records.length - 1 ? null : (this.#records[place]?.step ?? null);
  }

  follow(): void {
    this.#chosen = null;
  }

  hold(): void {
    this.#held ??= this.#shown;
  }

  release(): void {
    this.#held = null;
  }
}
