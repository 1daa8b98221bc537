import { expose } from 'comlink';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PRESETS } from '../../src/recipes/presets.ts';
import { WorkerSession } from '../../src/worker/client.ts';
import type { RunEvent, RunSettings } from '../../src/worker/protocol.ts';
import { Session } from '../../src/worker/session.ts';

const settings: RunSettings = { ...PRESETS.aha, preset: 'aha', seed: 1 };

/** A worker whose other end is in this thread; it can be made to stop. */
class WorkerHere {
  static latest: WorkerHere;
  onerror: ((event: { message: string }) => void) | null = null;
  terminated = false;
  readonly #channel = new MessageChannel();

  constructor() {
    WorkerHere.latest = this;
    const { port1, port2 } = this.#channel;
    const none = () => Promise.reject(new Error('no model'));
    expose(new Session({ gpu: undefined, loadModel: none, loadSizes: none }), port2);
    port1.start();
  }

  postMessage(message: unknown, transfer: MessagePort[]): void {
    this.#channel.port1.postMessage(message, transfer);
  }

  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void {
    this.#channel.port1.addEventListener(type, listener);
  }

  terminate(): void {
    this.terminated = true;
    this.#channel.port1.close();
  }
}

function openSession(): WorkerSession {
  vi.stubGlobal('Worker', WorkerHere);
  return new WorkerSession();
}

afterEach(() => {
  WorkerHere.latest.terminate();
  vi.unstubAllGlobals();
});

describe('a session in a worker', () => {
  it('rejects with the name and the message of the error over there', async () => {
    await expect(openSession().exportZip()).rejects.toMatchObject({
      name: 'bad-settings',
      message: expect.stringContaining('start one first') as string,
    });
  });

  it('streams events to the listener over here', async () => {
    const events: RunEvent[] = [];
    await openSession().start(settings, (event) => events.push(event));
    await vi.waitFor(() => {
      expect(events).toMatchObject([{ type: 'failed', code: 'webgpu-unavailable' }]);
    });
  });

  it('tells a crash to the listener and to the call that waits, and starts a new worker for the next', async () => {
    const session = openSession();
    const events: RunEvent[] = [];
    await session.start(settings, (event) => events.push(event));
    const crashed = WorkerHere.latest;
    const waiting = session.pause();
    crashed.onerror?.({ message: 'out of memory' });
    await expect(waiting).rejects.toMatchObject({ name: 'worker-crashed' });
    expect(events.at(-1)).toMatchObject({ type: 'failed', code: 'worker-crashed', exportable: false });
    expect(crashed.terminated).toBe(true);
    await session.pause();
    expect(WorkerHere.latest).not.toBe(crashed);
  });
});
