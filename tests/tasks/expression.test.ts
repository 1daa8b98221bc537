import { describe, expect, it } from 'vitest';
import { parseExpression } from '../../src/tasks/expression.ts';
import type { Operator } from '../../src/tasks/expression.ts';

const ALL: Operator[] = ['+', '-', '*'];
const value = (text: string, operators = ALL): number | undefined => parseExpression(text, operators)?.value;

describe('parseExpression', () => {
  it('binds * tighter than + and -', () => {
    expect(value('3+5*7')).toBe(38);
    expect(value('3*5+7')).toBe(22);
    expect(value('9-2*3*1')).toBe(3);
  });

  it('takes + and - from left to right', () => {
    expect(value('4-7-5')).toBe(-8);
    expect(value('4-7+5')).toBe(2);
  });

  it('lists the digits in the order written', () => {
    expect(parseExpression('7*3-5', ALL)?.digits).toEqual([7, 3, 5]);
  });

  it.each(['', '+', '3+', '+3', '-3', '35', '3 + 5', '3+5=8', '(3+5)', '3++5', '3**5', '3/5', '３+5', '3+5<eos>'])(
    'refuses %j',
    (text) => {
      expect(parseExpression(text, ALL)).toBeNull();
    },
  );

  it('refuses an operator that is not allowed', () => {
    expect(value('3*5', ['+', '-'])).toBeUndefined();
    expect(value('3+5-1', ['+', '-'])).toBe(7);
  });
});
