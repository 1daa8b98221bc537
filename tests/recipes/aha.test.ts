// The measures of the aha on completions written by hand, each with the figures that a reader would count.
import { describe, expect, it } from 'vitest';
import { ahaMetrics } from '../../src/recipes/aha.ts';
import { addition } from '../../src/tasks/addition.ts';
import { countdown } from '../../src/tasks/countdown.ts';

const PROMPT = '3,5,7>22<think>';
const WRONG = '3+5*7=38';
const RIGHT = '3*5+7=22';

const measure = (...completions: string[]): Record<string, number> =>
  ahaMetrics(
    countdown,
    completions.map((completion) => ({ prompt: PROMPT, completion })),
  );

describe('the aha', () => {
  it('is whole where every wrong attempt is followed by wait and no right one is', () => {
    expect(measure(`${WRONG} no wait 5*7-3=32 no wait ${RIGHT} yes</think>3*5+7<eos>`)).toEqual({
      'aha/wait_given_wrong': 1,
      'aha/wait_given_right': 0,
      'aha/attempts': 3,
      'aha/arithmetic': 1,
      'aha/verdict': 1,
      'aha/repeat': 0,
      'aha/mixed': 0,
    });
  });

  it('is measured over attempts, not over completions', () => {
    expect(
      measure(
        `${WRONG} no wait ${WRONG} no wait ${WRONG} no</think>3+5*7<eos>`,
        `${RIGHT} yes wait ${RIGHT} yes</think>3*5+7<eos>`,
        `${WRONG} no</think>3+5*7<eos>`,
      ),
    ).toMatchObject({
      'aha/wait_given_wrong': 2 / 4,
      'aha/wait_given_right': 1 / 2,
      'aha/attempts': 6 / 3,
      'aha/repeat': 3 / 6,
    });
  });

  it('goes by the truth, not by the verdict', () => {
    const metrics = measure(`${WRONG} yes wait ${RIGHT} no</think>3*5+7<eos>`);
    expect(metrics).toMatchObject({ 'aha/wait_given_wrong': 1, 'aha/wait_given_right': 0, 'aha/verdict': 0 });
  });

  it('counts an attempt that solves the problem but is miscalculated among the wrong ones', () => {
    expect(measure('3*5+7=24 no wait ')).toMatchObject({
      'aha/wait_given_wrong': 1,
      'aha/wait_given_right': 0,
      'aha/arithmetic': 0,
      'aha/verdict': 1,
    });
  });

  it('counts a result that was bent to the target as bad arithmetic and a wrong yes', () => {
    expect(measure('3+5*7=22 yes</think>3+5*7<eos>')).toMatchObject({ 'aha/arithmetic': 0, 'aha/verdict': 0 });
  });

  it('leaves an attempt out where the completion was cut off before a wait could come', () => {
    const cutInAttempt = measure(`${WRONG} no wait 3+5`);
    expect(cutInAttempt).toMatchObject({ 'aha/wait_given_wrong': 1, 'aha/arithmetic': 1, 'aha/attempts': 2 });
    const cutAfterVerdict = measure(`${WRONG} no wait ${WRONG} yes`);
    expect(cutAfterVerdict).toMatchObject({ 'aha/wait_given_wrong': 1, 'aha/verdict': 1 / 2, 'aha/repeat': 1 / 2 });
  });

  it('asks no verdict of an attempt that has none', () => {
    expect(measure(`${WRONG} wait ${RIGHT} yes</think>3*5+7<eos>`)).toMatchObject({
      'aha/wait_given_wrong': 1,
      'aha/verdict': 1,
    });
  });

  it('is the same in the second language', () => {
    const english = measure(`${WRONG} no wait ${RIGHT} yes</think>3*5+7<eos>`);
    expect(measure(`${WRONG}不等${RIGHT}对</think>3*5+7<eos>`)).toEqual(english);
  });

  it('tells the share of completions that use both languages', () => {
    expect(
      measure(
        `${WRONG}不 wait ${RIGHT} yes</think>3*5+7<eos>`,
        `${WRONG} no等${RIGHT}对</think>3*5+7<eos>`,
        `${WRONG}不等${RIGHT}对</think>3*5+7<eos>`,
        `${WRONG} no</think>3+5*7<eos>`,
      )['aha/mixed'],
    ).toBe(2 / 4);
  });

  it('is 0 where nothing was tried', () => {
    for (const metrics of [measure(), measure('', '</think><eos>', ' wait  wait ')])
      for (const [name, value] of Object.entries(metrics)) expect(value, name).toBe(0);
  });

  it('judges the attempts of another task by its own rules', () => {
    const slip = '5+8+0=13,4+7+0=11,3+6+1=10>1013';
    const sum = '5+8+0=13,4+7+1=12,3+6+1=10>1023';
    const completion = `${slip} no wait ${sum} yes</think>1023<eos>`;
    expect(ahaMetrics(addition, [{ prompt: '345+678<think>', completion }])).toMatchObject({
      'aha/wait_given_wrong': 1,
      'aha/wait_given_right': 0,
      'aha/attempts': 2,
      'aha/arithmetic': 1 / 2,
      'aha/verdict': 1,
    });
  });
});
