import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../src/grpo/options.ts';
import { MAX_PROMPT_TOKENS } from '../../src/recipes/environment.ts';
import { DISTILL } from '../../src/recipes/distill.ts';
import { coldStartTraces, PIPELINE, STAGE_NAMES } from '../../src/recipes/pipeline.ts';
import { R1_ZERO } from '../../src/recipes/r1-zero.ts';
import { sftSteps } from '../../src/recipes/sft.ts';
import { WAIT_PRIORS } from '../../src/recipes/wait-priors.ts';
import { addition } from '../../src/tasks/addition.ts';
import { countdown } from '../../src/tasks/countdown.ts';

describe('the pipeline as it is set', () => {
  it('runs its four stages in the order of the paper', () => {
    expect(PIPELINE.stages).toEqual(['cold-start', 'reasoning-rl', 'rejection-sampling', 'all-tasks-rl']);
    for (const stage of STAGE_NAMES) expect(PIPELINE[stage].tasks.length).toBeGreaterThan(0);
  });

  it('rewards language from the second stage on, and brevity in the last', () => {
    expect(PIPELINE['reasoning-rl'].rewards).toMatchObject({ brevity: 0 });
    expect(PIPELINE['reasoning-rl'].rewards.language).toBeGreaterThan(0);
    expect(PIPELINE['all-tasks-rl'].rewards.language).toBeGreaterThan(0);
    expect(PIPELINE['all-tasks-rl'].rewards.brevity).toBeGreaterThan(0);
  });

  it('learns from one task first and from all at the end', () => {
    expect(PIPELINE['reasoning-rl'].tasks).toEqual(['countdown']);
    expect(new Set(PIPELINE['all-tasks-rl'].tasks)).toEqual(new Set(['countdown', 'addition']));
  });

  it('gives R1-Zero as many steps as the reasoning stage, for accuracy and format alone', () => {
    const { 'r1-zero': zero, 'reasoning-rl': reasoning } = R1_ZERO;
    expect(zero).toEqual({ ...reasoning, rewards: { accuracy: 1, format: 1, language: 0, brevity: 0, repeats: 0 } });
  });

  it('has options that may be, in every experiment', () => {
    const stages = [PIPELINE['reasoning-rl'], PIPELINE['all-tasks-rl'], R1_ZERO['r1-zero'], DISTILL.alone, WAIT_PRIORS.reinforcement]; // prettier-ignore
    for (const { options } of stages) expect(resolveOptions({ ...options })).toMatchObject(options);
    for (const { maxCompletionLength } of [PIPELINE, R1_ZERO, DISTILL, WAIT_PRIORS])
      expect(MAX_PROMPT_TOKENS + maxCompletionLength).toBeLessThanOrEqual(256);
  });
});

describe('cold-start data', () => {
  const tasks = ['countdown', 'addition'] as const;
  const of = (seed: number) => ({ seed, maxCompletionLength: 100 });

  it('is as much as asked for, from each task in turn', () => {
    const traces = coldStartTraces({ tasks, traces: 7 }, of(3));
    const names = traces.map(({ prompt }) => (countdown.owns(prompt) ? 'countdown' : 'addition'));
    expect(names).toEqual(['countdown', 'addition', 'countdown', 'addition', 'countdown', 'addition', 'countdown']);
    expect(traces.every(({ prompt }) => countdown.owns(prompt) !== addition.owns(prompt))).toBe(true);
    expect(coldStartTraces({ tasks, traces: 0 }, of(3))).toEqual([]);
  });

  it('is the same for the same seed, and other for another', () => {
    const traces = coldStartTraces({ tasks, traces: 20 }, of(3));
    expect(coldStartTraces({ tasks, traces: 20 }, of(3))).toEqual(traces);
    expect(coldStartTraces({ tasks, traces: 20 }, of(4))).not.toEqual(traces);
  });
});

it('SFT makes an epoch of whole batches and what is left', () => {
  const settings = { epochs: 3, batchSize: 4, peakLearningRate: 1 };
  expect(sftSteps(8, settings)).toBe(6);
  expect(sftSteps(9, settings)).toBe(9);
  expect(sftSteps(2, settings)).toBe(3);
});
