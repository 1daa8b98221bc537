import { describe, expect, it } from 'vitest';
import {
  ADVANTAGE_ESTIMATORS,
  CRITIC_OPTIONS,
  DEFAULT_OPTIONS,
  OPTION_SPECS,
  optionProblems,
  parseOption,
  resolveOptions,
  type GrpoOptions,
} from '../../src/grpo/options.ts';

type Name = keyof GrpoOptions;

const names = Object.keys(OPTION_SPECS) as Name[];

/** What `optionProblems` says of one option changed, and only that one; with a critic, so that its options may change too. */
function problem(name: Name, value: unknown): string | undefined {
  const { [name]: said, ...others } = optionProblems({ ...DEFAULT_OPTIONS, advantageEstimator: 'ppo', [name]: value });
  expect(others).toEqual({});
  return said;
}

describe('every option', () => {
  it('has a default that may be so, within its range', () => {
    expect(optionProblems(DEFAULT_OPTIONS)).toEqual({});
    expect(resolveOptions({})).toEqual(DEFAULT_OPTIONS);
  });

  it('says in a sentence what it means', () => {
    for (const name of names) expect(OPTION_SPECS[name].meaning, name).toMatch(/^[A-Z].*\.$/u);
  });

  it.each(names)('%s takes what its range allows and refuses what lies outside', (name) => {
    const spec = OPTION_SPECS[name];
    switch (spec.kind) {
      case 'number': {
        expect([problem(name, spec.min), problem(name, spec.max)]).toEqual([undefined, undefined]);
        const kind = spec.integer ? 'a whole number' : 'a number';
        for (const value of [spec.min - 1, spec.max + 1, NaN, Infinity])
          expect(problem(name, value)).toBe(`must be ${kind} from ${spec.min} to ${spec.max}, but it is ${value}`);
        expect(problem(name, String(spec.max))).toContain(`but it is "${spec.max}"`);
        expect(problem(name, null)).toContain('but it is null');
        expect(problem(name, undefined)).toContain('but it is undefined');
        const between = spec.min + (spec.max - spec.min) / Math.E; // never whole
        expect(problem(name, between) === undefined).toBe(!spec.integer);
        break;
      }
      case 'optional-number':
        for (const value of [null, spec.min, spec.max]) expect(problem(name, value)).toBeUndefined();
        for (const value of [spec.min - 0.5, spec.max * 2, 'none'])
          expect(problem(name, value)).toContain(`must be none or a number from ${spec.min} to ${spec.max}`);
        break;
      case 'choice':
        for (const value of spec.choices) expect(problem(name, value)).toBeUndefined();
        for (const value of ['', 'toString', spec.choices[0]?.toUpperCase(), 0])
          expect(problem(name, value)).toContain(`must be one of ${spec.choices.join(', ')}, but it is`);
        break;
      case 'numbers': {
        const filled = (value: unknown): unknown[] => spec.default.map(() => value);
        for (const value of [filled(spec.min), filled(spec.max)]) expect(problem(name, value)).toBeUndefined();
        for (const value of [[], [...spec.default, 1], filled(spec.max + 1), filled('1'), 1])
          expect(problem(name, value)).toContain(`must be ${spec.default.length} numbers from ${spec.min}`);
        expect(problem(name, [NaN, 1])).toContain('but it is [NaN,1]');
        break;
      }
      case 'boolean':
        for (const value of [true, false]) expect(problem(name, value)).toBeUndefined();
        for (const value of ['true', 0, null]) expect(problem(name, value)).toContain('must be true or false');
    }
  });
});

describe('a group of one', () => {
  it.each(['grpo', 'rloo'])('has nothing to be compared with by %s', (advantageEstimator) => {
    expect(() => resolveOptions({ numGenerations: 1, advantageEstimator })).toThrow(
      `option numGenerations must be at least 2 with advantageEstimator ${advantageEstimator}, but it is 1`,
    );
  });

  it.each(['reinforce', 'ppo'])('is enough for %s', (advantageEstimator) => {
    expect(resolveOptions({ numGenerations: 1, advantageEstimator }).numGenerations).toBe(1);
  });

  it('is not mentioned where the estimator itself is wrong', () => {
    const problems = optionProblems({ ...DEFAULT_OPTIONS, numGenerations: 1, advantageEstimator: 'gae' });
    expect(Object.keys(problems)).toEqual(['advantageEstimator']);
  });
});

describe('the options of the critic', () => {
  it.each(CRITIC_OPTIONS)('may change with ppo and with no other estimator: %s', (name) => {
    const changed = { [name]: 0.5 * (OPTION_SPECS[name].default as number) };
    expect(resolveOptions({ advantageEstimator: 'ppo', ...changed })).toMatchObject(changed);
    for (const advantageEstimator of ADVANTAGE_ESTIMATORS.filter((estimator) => estimator !== 'ppo')) {
      expect(() => resolveOptions({ advantageEstimator, ...changed })).toThrow(
        `option ${name} must be ${String(OPTION_SPECS[name].default)} with advantageEstimator ${advantageEstimator}, which has no critic, but it is ${changed[name]}`,
      );
    }
  });
});

describe('a moving reference', () => {
  it('needs a pull towards it', () => {
    expect(resolveOptions({ syncRefModel: true, beta: 0.01 }).syncRefModel).toBe(true);
    expect(() => resolveOptions({ syncRefModel: true, beta: 0 })).toThrow(
      'option syncRefModel must be false where beta is 0 and no reference is used, but it is true',
    );
  });
});

describe('resolveOptions', () => {
  it('changes only what was given', () => {
    expect(resolveOptions({ beta: 0, lossType: 'cispo' })).toEqual({ ...DEFAULT_OPTIONS, beta: 0, lossType: 'cispo' });
  });

  it.each(['betta', 'learning_rate', 'toString', 'constructor'])('refuses %j, naming the options there are', (name) => {
    expect(() => resolveOptions({ [name]: 1 })).toThrow(
      expect.objectContaining({
        name: 'bad-settings',
        message: `there is no option "${name}"; the options are ${names.join(', ')}`,
      }),
    );
  });

  it('names the option that is wrong, what was expected and what came', () => {
    expect(() => resolveOptions({ temperature: 9 })).toThrow(
      expect.objectContaining({
        name: 'bad-settings',
        message: 'option temperature must be a number from 0.05 to 5, but it is 9',
      }),
    );
  });
});

describe('parseOption', () => {
  it.each([
    ['learningRate', '3e-4', 3e-4],
    ['topK', ' 8 ', 8],
    ['delta', 'none', null],
    ['delta', 'null', null],
    ['delta', '4.5', 4.5],
    ['lossType', 'dr_grpo', 'dr_grpo'],
    ['rewardWeights', '1, 0.5', [1, 0.5]],
    ['maskTruncatedCompletions', 'true', true],
    ['maskTruncatedCompletions', 'false', false],
  ] as const)('reads %s from %j', (name, text, value) => {
    expect(parseOption(name, text)).toEqual(value);
    expect(resolveOptions({ [name]: parseOption(name, text) })[name]).toEqual(value);
  });

  it.each([
    ['learningRate', 'fast', /from 0 to 0.1, but it is "fast"/],
    ['learningRate', '', /but it is ""/],
    ['learningRate', '1e999', /but it is Infinity/],
    ['temperature', 'none', /but it is "none"/],
    ['rewardWeights', '1,x', /but it is \[1,"x"\]/],
    ['rewardWeights', '1', /must be 2 numbers/],
    ['maskTruncatedCompletions', 'yes', /must be true or false, but it is "yes"/],
    ['lossType', 'ppo', /but it is "ppo"/],
    ['betta', '1', /no option "betta"/],
    ['toString', '1', /no option "toString"/],
  ])('leaves it to resolveOptions to refuse %s = %j', (name, text, message) => {
    expect(() => resolveOptions({ [name]: parseOption(name, text) })).toThrow(message);
  });
});
