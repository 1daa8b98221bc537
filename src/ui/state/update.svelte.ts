// Keeps the page for use without a connection, and tells when a newer version of it has come. It never reloads by itself: that would
// take away a run.
import type { Workbox } from 'workbox-window';

/** Until then the first visit has the connection for itself: the models and recorded runs to keep are megabytes. */
const SETTLED_MS = 5000;

export class Update {
  #worker: Workbox | null = null;
  #ready = $state(false);

  /** A newer version waits. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Does nothing where the browser, or the server by plain HTTP, does not allow it. */
  async watch(): Promise<void> {
    if (!('serviceWorker' in navigator)) return;
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    const { Workbox } = await import('workbox-window');
    this.#worker = new Workbox('./sw.js');
    this.#worker.addEventListener('waiting', () => (this.#ready = true));
    await this.#worker.register();
  }

  /** Reloads this tab with the newer version. */
  apply(): void {
    this.#worker?.addEventListener('controlling', () => {
      location.reload();
    });
    this.#worker?.messageSkipWaiting();
  }
}
