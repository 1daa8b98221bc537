// What the Try page holds: the problem, the settings, two sides of which the second may be empty, and the study of many answers.
import type { GenerationRequest, InferenceApi } from '../../inference/client.ts';
import { TASKS } from '../../tasks/registry.ts';
import type { Task, TaskName } from '../../tasks/task.ts';
import { readProblem, withoutThink, type Problem } from '../try/problem.ts';
import type { TryModel } from './try-models.svelte.ts';
import { Side } from './try-side.svelte.ts';
import { VoteStudy } from './try-votes.svelte.ts';

/** A pace at which a person can read along. */
const MS_TO_READ_A_TOKEN = 40;

/** A problem that was put to the models. */
export interface Question {
  readonly task: Task;
  readonly prompt: string;
  readonly temperature: number;
}

export class TryOut {
  readonly sides: readonly [Side, Side];
  readonly study: VoteStudy;
  readonly #inference: InferenceApi;
  readonly #models: () => readonly TryModel[];
  #taskName = $state<TaskName>('countdown');
  #keys = $state.raw<readonly [string | null, string | null]>([null, null]);
  #question = $state.raw<Question | null>(null);
  #stopped = $state(false);
  #answering = $state(false);
  text = $state('');
  temperature = $state(1);
  /** Answers of each model to the problem. */
  count = $state(1);
  /** Slow enough to be read along. */
  readAlong = $state(true);

  /** `models`: all that can be tried, the one to begin with first. */
  constructor(inference: InferenceApi, models: () => readonly TryModel[], task: TaskName) {
    this.#inference = inference;
    this.#models = models;
    this.sides = [new Side('first', inference), new Side('second', inference)];
    this.study = new VoteStudy(this.sides);
    this.chooseTask(task);
  }

  get task(): Task {
    return TASKS[this.#taskName];
  }

  /** As it is typed. */
  get problem(): Problem {
    return readProblem(this.task, this.text);
  }

  /** Those that know the task. */
  get models(): readonly TryModel[] {
    return this.#models().filter(({ tasks }) => tasks.includes(this.#taskName));
  }

  /** Of each side; null for none. */
  get chosen(): readonly [TryModel | null, TryModel | null] {
    const [first, second] = this.#keys;
    const models = this.models;
    return [
      models.find(({ key }) => key === first) ?? models[0] ?? null,
      models.find(({ key }) => key === second) ?? null,
    ];
  }

  /** What the answers on the page are answers to. */
  get question(): Question | null {
    return this.#question;
  }

  get answering(): boolean {
    return this.#answering;
  }

  /** Answers or a study are under way. */
  get busy(): boolean {
    return this.#answering || this.study.running;
  }

  /** The last answers were stopped before their end. */
  get stopped(): boolean {
    return this.#stopped;
  }

  chooseTask(name: TaskName): void {
    this.#taskName = name;
    this.#question = null;
    for (const side of this.sides) side.clear();
    this.draw();
  }

  /** Null for no model, on the second side. */
  chooseModel(side: 0 | 1, key: string | null): void {
    this.#keys = side === 0 ? [key, this.#keys[1]] : [this.#keys[0], key];
    this.sides[side].clear();
  }

  /** A held-out problem that no training ever drew. */
  draw(): void {
    const { heldOut } = this.task;
    this.text = withoutThink(heldOut[Math.floor(Math.random() * heldOut.length)] ?? '');
  }

  /** Both models answer the problem, side by side. Nothing while something is under way or the problem cannot be read. */
  async ask(): Promise<void> {
    const { prompt } = this.problem;
    if (this.busy || prompt === null) return;
    this.#answering = true;
    this.#stopped = false;
    this.#question = { task: this.task, prompt, temperature: this.temperature };
    const request: GenerationRequest = {
      prompt,
      count: this.count,
      temperature: this.temperature,
      maxNewTokens: this.task.maxCompletionLength,
      msBetweenTokens: this.readAlong ? MS_TO_READ_A_TOKEN : 0,
    };
    const asked = this.chosen;
    await Promise.all(this.sides.map((side, index) => side.answer(asked[index] ?? null, request)));
    this.#answering = false;
  }

  /** Many answers to many held-out problems, counted. Nothing while something is under way. */
  async measure(): Promise<void> {
    if (!this.busy) await this.study.run(this.task, this.chosen, this.temperature);
  }

  async stop(): Promise<void> {
    this.#stopped = this.#answering;
    this.study.halt();
    await this.#inference.stop().catch(() => undefined); // a worker that crashed has stopped, and its calls were told
  }
}
