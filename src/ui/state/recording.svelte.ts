// Plays a recorded real run, so that the page is alive before anything is pressed.
import type { RecordedRun } from '../../worker/protocol.ts';
import { EventFeed } from './event-feed.svelte.ts';
import type { RunView } from './run-view.ts';

/** A recorded run is told in this time, however long it took. */
const TELLING_MS = 60_000;

export class Recording {
  readonly #feed = new EventFeed();
  #run = $state.raw<RecordedRun | null>(null);
  #playing = $state(false);
  #loading = $state(false);
  #url = '';
  #next = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  get view(): RunView {
    return this.#feed.view;
  }

  /** Null until loaded, and where there is none. */
  get about(): RecordedRun['about'] | null {
    return this.#run?.about ?? null;
  }

  get loading(): boolean {
    return this.#loading;
  }

  get playing(): boolean {
    return this.#playing;
  }

  get msBetweenEvents(): number {
    return TELLING_MS / Math.max(1, this.#run?.events.length ?? 0);
  }

  /**
   * Puts the recording at the address in place of the one before, from its start. Resolves to false where there is none, or where it
   * is in place already or no longer wanted; then nothing changes.
   */
  async load(url: string): Promise<boolean> {
    if (url === this.#url) return false;
    this.#url = url;
    this.#loading = true;
    const run = await fetchRun(url);
    if (url !== this.#url) return false;
    this.#loading = false;
    if (!run) return false;
    this.pause();
    this.#feed.clear();
    this.#next = 0;
    this.#run = run;
    return true;
  }

  /** From where it stands, or from the start if it was at its end. */
  play(): void {
    if (!this.#run || this.#playing) return;
    if (this.#next >= this.#run.events.length) {
      this.#next = 0;
      this.#feed.clear();
    }
    this.#playing = true;
    this.#tell();
  }

  pause(): void {
    clearTimeout(this.#timer);
    this.#feed.flush();
    this.#playing = false;
  }

  toggle(): void {
    if (this.#playing) this.pause();
    else this.play();
  }

  /** Straight to the last event. */
  toEnd(): void {
    this.pause();
    while (this.#run && this.#next < this.#run.events.length) this.#pushNext();
    this.#feed.flush();
  }

  #tell(): void {
    if (this.#next >= (this.#run?.events.length ?? 0)) {
      this.pause();
      return;
    }
    this.#pushNext();
    this.#timer = setTimeout(() => {
      this.#tell();
    }, this.msBetweenEvents);
  }

  #pushNext(): void {
    const event = this.#run?.events[this.#next++];
    if (event) this.#feed.push(event);
  }
}

/** Null where there is no such file; a server may answer a missing file with a page. */
async function fetchRun(url: string): Promise<RecordedRun | null> {
  try {
    const response = await fetch(url);
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return response.ok && isJson ? ((await response.json()) as RecordedRun) : null;
  } catch {
    return null;
  }
}
