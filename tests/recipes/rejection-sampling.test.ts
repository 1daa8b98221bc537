import { describe, expect, it } from 'vitest';
import { select } from '../../src/recipes/rejection-sampling.ts';
import { isReadable } from '../../src/recipes/score.ts';
import { coldStartTraces, PIPELINE } from '../../src/recipes/pipeline.ts';
import { countdown } from '../../src/tasks/countdown.ts';

const prompt = '3,5,7>22<think>';
const right = '3+5+7=15 no wait 3*5+7=22 yes</think>3*5+7<eos>';
const only = (completion: string) => select(['countdown', 'addition'], [{ prompt, completion }]);

describe('rejection sampling', () => {
  it('keeps what is right and readable, and nothing of it twice', () => {
    const other = { prompt: '12+7<think>', completion: '2+7+0=9,1+0+0=1>19 yes</think>19<eos>' };
    const examples = [{ prompt, completion: right }, other, { prompt, completion: right }];
    const { kept, dropped } = select(['countdown', 'addition'], examples);
    expect(kept).toEqual(examples.slice(0, 2));
    expect(dropped).toEqual({ wrong: 0, language: 0, repeats: 0, duplicate: 1 });
  });

  it.each([
    ['wrong', '3+5+7=15 no</think>3+5+7<eos>'],
    ['wrong', '3*5+7=22 yes'],
    ['language', '3+5+7=15不等3*5+7=22对</think>3*5+7<eos>'],
    ['language', '3+5+7=15 no等3*5+7=22 yes</think>3*5+7<eos>'],
    ['repeats', '3+5+7=15 no wait 3+5+7=15 no wait 3*5+7=22 yes</think>3*5+7<eos>'],
  ])('drops as %s: %s', (reason, completion) => {
    const { kept, dropped } = only(completion);
    expect(kept).toEqual([]);
    expect(dropped).toEqual({ wrong: 0, language: 0, repeats: 0, duplicate: 0, [reason]: 1 });
  });

  it('keeps every cold-start trace', () => {
    const traces = coldStartTraces({ ...PIPELINE['cold-start'], traces: 300 }, PIPELINE);
    const { kept, dropped } = select(PIPELINE['cold-start'].tasks, traces);
    expect(kept.length).toBe(300 - dropped.duplicate);
    expect(kept.length).toBeGreaterThan(290);
  });
});

describe('a completion', () => {
  it('is readable if well formed, in the target language and without repeats, right or wrong', () => {
    expect(isReadable(countdown, { prompt, completion: right })).toBe(true);
    expect(isReadable(countdown, { prompt, completion: '3+5+7=15 no</think>3+5+7<eos>' })).toBe(true);
    expect(isReadable(countdown, { prompt, completion: '3+5+7=15不</think>3+5+7<eos>' })).toBe(false);
    expect(isReadable(countdown, { prompt, completion: '3+5+7=15 no wait 3+5+7=15 no</think>3+5+7<eos>' })).toBe(false);
    expect(isReadable(countdown, { prompt, completion: '3+5+7=15 no wait ' })).toBe(false);
  });
});
