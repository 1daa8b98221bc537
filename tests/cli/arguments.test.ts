import { describe, expect, it } from 'vitest';
import { Arguments } from '../../src/cli/arguments.ts';
import { DEFAULT_OPTIONS } from '../../src/grpo/options.ts';

const given = (...args: string[]): Arguments => new Arguments(args, ['model', 'prompt', 'seed', 'count', 'set']);

describe('the options of a command', () => {
  it('are read as --name value and as --name=value', () => {
    const options = given('--model', 'a/b', '--prompt=1=2', '--json');
    expect(options.required('model')).toBe('a/b');
    expect(options.required('prompt')).toBe('1=2');
    expect(options.json).toBe(true);
    expect(given().json).toBe(false);
  });

  it('may have values that look like options', () => {
    expect(given('--prompt', '-3').text('prompt')).toBe('-3');
    expect(given('--prompt', '--').text('prompt')).toBe('--');
  });

  it.each([
    [['--modle', 'a'], /^there is no option --modle; this command takes --model, .*--json$/],
    [['-m', 'a'], /^there is no option -m;/],
    [['--toString', 'a'], /^there is no option --toString;/],
    [['--no-json'], /^there is no option --no-json;/],
    [['--model', 'a', 'b'], /^expected an option, but got "b"$/],
    [['--', '--json'], /^expected an option, but got "--"$/],
    [['--model'], /^--model needs a value$/],
    [['--json=yes'], /^--json takes no value$/],
    [['--model', 'a', '--model', 'a'], /^--model may come only once$/],
  ])('are refused: %j', (args, message) => {
    expect(() => given(...args)).toThrow(
      expect.objectContaining({ name: 'usage', message: expect.stringMatching(message) as string }),
    );
  });

  it('may be switches, which are there or not', () => {
    const options = new Arguments(['--growth', '--model', 'a'], ['model'], ['growth', 'aha']);
    expect(['growth', 'aha', 'model', 'json'].map((name) => options.has(name))).toEqual([true, false, true, false]);
    expect(() => new Arguments(['--growth=yes'], [], ['growth'])).toThrow('--growth takes no value');
  });

  it('are needed where the command cannot do without', () => {
    expect(() => given().required('model')).toThrow('--model is needed');
    expect(() => given('--model', '').required('model')).toThrow('--model is needed');
  });

  it('are numbers within bounds', () => {
    const count = (...args: string[]): number => given(...args).number('count', 7, { min: 1, max: 20, integer: true });
    expect(count()).toBe(7);
    expect(count('--count', '20')).toBe(20);
    for (const wrong of ['0', '21', '1.5', 'many', '', ' ', 'NaN', '-1']) {
      expect(() => count('--count', wrong), wrong).toThrow(
        `--count must be a whole number from 1 to 20, but it is "${wrong}"`,
      );
    }
    expect(given('--count', '1.5').number('count', 7, { min: 1, max: 20 })).toBe(1.5);
  });

  it('seed every run with 1 unless told otherwise', () => {
    expect(given().seed()).toBe(1);
    expect(given('--seed', '4294967295').seed()).toBe(4294967295);
    for (const wrong of ['-1', '4294967296', '0.5'])
      expect(() => given('--seed', wrong).seed(), wrong).toThrow('--seed must be');
  });
});

describe('--set', () => {
  it('changes options over those of the preset', () => {
    const options = given('--set', 'beta=0', '--set=lossType=grpo', '--set', 'rewardWeights=1,0.5').options({
      beta: 1,
      topK: 3,
    });
    expect(options).toEqual({ ...DEFAULT_OPTIONS, topK: 3, beta: 0, lossType: 'grpo', rewardWeights: [1, 0.5] });
  });

  it.each([
    ['beta', 'usage', '--set takes name=value, but it is "beta"'],
    ['=1', 'usage', '--set takes name=value, but it is "=1"'],
    ['betta=1', 'bad-settings', 'there is no option "betta"; the options are'],
    ['toString=1', 'bad-settings', 'there is no option "toString"; the options are'],
    ['__proto__=1', 'bad-settings', 'there is no option "__proto__"; the options are'],
    ['beta=11', 'bad-settings', 'option beta must be a number from 0 to 10, but it is 11'],
    ['beta=', 'bad-settings', 'option beta must be a number from 0 to 10, but it is ""'],
    ['numGenerations=2.5', 'bad-settings', 'option numGenerations must be a whole number from 1 to 64, but it is 2.5'],
    ['lossType=ppo', 'bad-settings', 'option lossType must be one of'],
    [
      'maskTruncatedCompletions=1',
      'bad-settings',
      'option maskTruncatedCompletions must be true or false, but it is "1"',
    ],
  ])('refuses %s', (pair, name, message) => {
    expect(() => given('--set', pair).options()).toThrow(
      expect.objectContaining({ name, message: expect.stringContaining(message) as string }),
    );
  });

  it('refuses an option that is set twice', () => {
    expect(() => given('--set', 'beta=0', '--set', 'beta=0').options()).toThrow('--set beta may come only once');
  });
});
