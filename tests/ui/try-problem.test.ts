import { describe, expect, it } from 'vitest';
import { TASKS } from '../../src/tasks/registry.ts';
import { exampleOf, readProblem } from '../../src/ui/try/problem.ts';

const { countdown, addition } = TASKS;

describe('a typed problem', () => {
  it('is read with spaces, with and without what the model sees around it', () => {
    for (const text of ['3,5,7>22', ' 3, 5, 7 > 22 ', '3,5,7>22<think>', '<bos>3,5,7>22<think>'])
      expect(readProblem(countdown, text)).toEqual({ prompt: '3,5,7>22<think>', fault: null });
    expect(readProblem(addition, '345 + 678')).toEqual({ prompt: '345+678<think>', fault: null });
  });

  it.each(Object.values(TASKS))('may be the example of $title and any held-out problem', (task) => {
    expect(readProblem(task, exampleOf(task)).fault).toBeNull();
    for (const prompt of task.heldOut.slice(0, 50)) expect(readProblem(task, prompt).prompt).toBe(prompt);
  });

  it('is asked for where there is none', () => {
    expect(readProblem(countdown, '  ').fault).toMatch(/^type a problem such as \d,\d,\d>\d+, or draw one$/);
  });

  it('is refused with the characters that the model has no tokens for, each named once', () => {
    expect(readProblem(countdown, '3,5,7=x').fault).toMatch(/^“x” is no token of the model/);
    expect(readProblem(countdown, '3 plus ½?').fault).toMatch(
      /^“p”, “l”, “u”, “s”, “½”, “\?” are no tokens of the model/,
    );
    expect(readProblem(countdown, '3,5,7>22🙂').fault).toMatch(/^“🙂” is no token/);
  });

  it('is refused with the form of the task where it is none of the task', () => {
    expect(readProblem(countdown, '3,5,7>100').fault).toMatch(/three numbers from 1 to 9 and a target from 0 to 99/);
    expect(readProblem(countdown, '345+678').fault).toMatch(/like "3,5,7>22", but it is "345\+678"$/);
    expect(readProblem(addition, '3,5,7>22').fault).toMatch(/two numbers from 0 to 999/);
    expect(readProblem(addition, '1000+1').fault).toMatch(/two numbers from 0 to 999/);
  });
});
