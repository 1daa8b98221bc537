// The real worker behind the page's client: what passes between the two threads.
import { describe, expect, it, vi } from 'vitest';
import { PRESETS } from '../../src/recipes/presets.ts';
import { WorkerSession } from '../../src/worker/client.ts';
import { loadModel, loadSizes } from '../../src/worker/models.ts';
import type { RunEvent } from '../../src/worker/protocol.ts';
import { openGpu } from './open.ts';

describe('the worker', () => {
  const session = new WorkerSession();

  it('finds the same adapter as the page', async () => {
    expect(await session.adapter()).toEqual((await openGpu()).adapter);
  });

  it('rejects with the name and the message of the error over there', async () => {
    await expect(session.exportZip()).rejects.toMatchObject({
      name: 'bad-settings',
      message: expect.stringContaining('start one first') as string,
    });
  });

  it('streams events over here', async () => {
    const events: RunEvent[] = [];
    await session.start({ ...PRESETS.aha, preset: 'none' as 'aha', seed: 1 }, (event) => events.push(event));
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toEqual(['progress', 'failed']));
    expect(events.at(-1)).toMatchObject({ code: 'bad-settings', exportable: false });
  });
});

describe('a base model', () => {
  it.each([loadModel, loadSizes])('is refused by name if it is not there', async (load) => {
    await expect(load('none')).rejects.toMatchObject({
      name: 'bad-checkpoint',
      message: expect.stringContaining('the base model none') as string,
    });
  });

  it('has its sizes, with zeros for weights, before its weights', async () => {
    const [{ checkpoint }, sizes] = await Promise.all([loadModel('countdown-easy'), loadSizes('countdown-easy')]);
    expect(sizes.config).toEqual(checkpoint.config);
    const zeros = [...checkpoint.tensors].map(([name, tensor]) => [name, new Float32Array(tensor.length)]);
    expect([...sizes.tensors]).toEqual(zeros);
  });
});
