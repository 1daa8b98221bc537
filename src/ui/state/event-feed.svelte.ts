// Events in, view out, at most ten times a second: a fast GPU sends more than can be drawn or read.
import type { RunEvent } from '../../worker/protocol.ts';
import { advance, EMPTY_VIEW, type RunView } from './run-view.ts';

const MS_BETWEEN_VIEWS = 100;

export class EventFeed {
  #view = $state.raw<RunView>(EMPTY_VIEW);
  #waiting: RunEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  get view(): RunView {
    return this.#view;
  }

  push(event: RunEvent): void {
    this.#waiting.push(event);
    this.#timer ??= setTimeout(() => this.flush(), MS_BETWEEN_VIEWS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length > 0) this.#view = events.reduce(advance, this.#view);
  }

  /** Forgets everything, waiting events too. */
  clear(): void {
    this.#waiting = [];
    this.flush();
    this.#view = EMPTY_VIEW;
  }
}
