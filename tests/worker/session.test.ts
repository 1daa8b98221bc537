// What a session does without a GPU; tests/gpu/session.test.ts runs it on one.
import { describe, expect, it } from 'vitest';
import { PRESETS } from '../../src/recipes/presets.ts';
import type { RunEvent, RunSettings } from '../../src/worker/protocol.ts';
import { Session } from '../../src/worker/session.ts';

const settings: RunSettings = { ...PRESETS.aha, preset: 'aha', seed: 1 };

function withoutGpu(): Session {
  const none = () => Promise.reject(new Error('no model is needed'));
  return new Session({ gpu: undefined, loadModel: none, loadSizes: none });
}

describe('a session where there is no WebGPU', () => {
  it('finds no adapter, and says so by name', async () => {
    await expect(withoutGpu().adapter()).rejects.toMatchObject({ name: 'webgpu-unavailable' });
  });

  it('tells a start as a failed run with nothing to export', async () => {
    const events: RunEvent[] = [];
    await withoutGpu().start(settings, (event) => events.push(event));
    expect(events).toEqual([
      {
        type: 'failed',
        code: 'webgpu-unavailable',
        message: expect.stringContaining('no WebGPU') as string,
        exportable: false,
      },
    ]);
  });
});

describe('a session without a run', () => {
  it('takes pause, resume, step and reset without a stir', async () => {
    const session = withoutGpu();
    await Promise.all([session.pause(), session.resume(), session.step(), session.reset()]);
  });

  it('has nothing to export', async () => {
    await expect(withoutGpu().exportZip()).rejects.toMatchObject({
      name: 'bad-settings',
      message: expect.stringContaining('start one first') as string,
    });
  });
});
