// Events in, view out, at most once an animation frame: a fast GPU sends more events than a screen can show.
import type { RunEvent } from '../../worker/protocol.ts';
import { advance, EMPTY_VIEW, type RunView } from './run-view.ts';

/** A hidden tab gets no frames; past this many waiting events the view is brought up to date at once. */
const MAX_WAITING = 100;

export class EventFeed {
  #view = $state.raw<RunView>(EMPTY_VIEW);
  #waiting: RunEvent[] = [];
  #frame = 0;

  get view(): RunView {
    return this.#view;
  }

  push(event: RunEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length >= MAX_WAITING) this.flush();
    else
      this.#frame ||= requestAnimationFrame(() => {
        this.flush();
      });
  }

  flush(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const events = this.#waiting;
    this.#waiting = [];
    this.#view = events.reduce(advance, this.#view);
  }

  /** Forgets everything, waiting events too. */
  clear(): void {
    this.#waiting = [];
    this.flush();
    this.#view = EMPTY_VIEW;
  }
}
