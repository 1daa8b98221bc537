import { beforeEach, describe, expect, it, vi } from 'vitest';
import { cancel, later } from '../../src/ui/state/later.ts';

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

describe('work that can wait', () => {
  const done: string[] = [];
  const job = (name: string) => () => void done.push(name);
  const [first, second, third] = [{}, {}, {}];

  beforeEach(() => void done.splice(0));

  it('is done one job a task, in the order it came', () => {
    later(first, job('a'));
    later(second, job('b'));
    expect(done).toEqual([]);
    vi.advanceTimersToNextTimer();
    expect(done).toEqual(['a']);
    vi.advanceTimersToNextTimer();
    expect(done).toEqual(['a', 'b']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is replaced by newer work of the same owner, in the same place', () => {
    later(first, job('old'));
    later(second, job('other'));
    later(first, job('new'));
    vi.runAllTimers();
    expect(done).toEqual(['new', 'other']);
  });

  it('is not done once its owner is gone', () => {
    later(first, job('a'));
    later(second, job('b'));
    cancel(first);
    vi.runAllTimers();
    expect(done).toEqual(['b']);
    later(first, job('c'));
    cancel(first);
    vi.runAllTimers();
    later(first, job('d'));
    vi.runAllTimers();
    expect(done).toEqual(['b', 'd']);
  });

  it('goes on after a job that fails, and takes work from a job', () => {
    later(first, () => {
      throw new Error('no such canvas');
    });
    later(second, () => later(third, job('from within')));
    expect(() => vi.advanceTimersToNextTimer()).toThrow('no such canvas');
    vi.runAllTimers();
    expect(done).toEqual(['from within']);
  });
});
