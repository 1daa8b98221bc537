import { describe, expect, it } from 'vitest';
import { findShaderLine } from '../../src/ui/learn/formula/shader-lines.ts';
import { SYMBOLS, type Moment, type SymbolName } from '../../src/ui/learn/formula/symbols.ts';
import { labSentence, workOut } from '../../src/ui/learn/formula/group-lab.ts';
import { aggregationWeights } from '../../src/grpo/aggregation.ts';
import { PRESETS } from '../../src/recipes/presets.ts';
import { advance, EMPTY_VIEW } from '../../src/ui/state/run-view.ts';
import { advantages } from '../reference/grpo.ts';
import { simulatedEvents } from './simulated-run.ts';

const names = Object.keys(SYMBOLS) as SymbolName[];
const view = simulatedEvents().reduce(advance, EMPTY_VIEW);
const record = view.steps[100]!;

function moment(changes: Partial<Moment> = {}): Moment {
  return {
    settings: view.settings!,
    parameters: view.parameters,
    record,
    completions: record.group!.completions,
    answer: 2,
    token: 1,
    ...changes,
  };
}

describe('the symbols of the formula', () => {
  it.each(names)('have a line of WGSL that is there: %s', (name) => {
    const { path, number, text } = findShaderLine(SYMBOLS[name].place);
    expect(path).toMatch(/^shaders\/.+\.wgsl$/);
    expect(number).toBeGreaterThan(0);
    expect(text).not.toMatch(/^\/\//); // a line that computes, not one that explains
  });

  it('refuse a line that is not there, or not the only one', () => {
    expect(() => findShaderLine({ file: 'advantage.wgsl', search: 'no such line' })).toThrow('stands in 0');
    expect(() => findShaderLine({ file: 'advantage.wgsl', search: 'fn ' })).toThrow(/stands in [2-9]/);
  });

  it.each(names)('have a value in a step of a run: %s', (name) => {
    const known = { ...record.metrics, 'clip_ratio/low_mean': 0, 'clip_ratio/high_mean': 0 };
    expect(SYMBOLS[name].value(moment({ record: { ...record, metrics: known } }))).toMatch(/\w/);
  });

  it('take their values from the answer and the token at hand', () => {
    const here = moment();
    const completion = here.completions[2]!;
    const { reward, advantage } = completion;
    expect(SYMBOLS.advantage.value(here)).toBe(
      `Answer 3: ${advantage < 0 ? '−' : '+'}${Math.abs(advantage).toFixed(2)}`,
    );
    expect(SYMBOLS.reward.value(here)).toContain(`= ${reward.toFixed(2)}`);
    expect(SYMBOLS.length.value(here)).toBe(`Answer 3 has ${completion.tokens.length} tokens`);
    expect(SYMBOLS.old.value(here)).toContain(`“${completion.tokens[1]}”`);
  });

  it('say nothing where the step was not measured', () => {
    const bare = moment({ record: { ...record, metrics: {} } });
    expect(SYMBOLS.kl.value(bare)).toBeNull();
    expect(SYMBOLS.objective.value(bare)).toBeNull();
  });

  it('follow the settings of the run', () => {
    const withOptions = (options: object): Moment =>
      moment({ settings: { ...view.settings!, options: { ...view.settings!.options, ...options } } });
    expect(SYMBOLS.ratio.value(withOptions({ numIterations: 1 }))).toMatch(/1 in value everywhere/);
    expect(SYMBOLS.reference.value(withOptions({ beta: 0 }))).toMatch(/Not computed/);
    expect(SYMBOLS.std.value(withOptions({ scaleRewards: 'none' }))).toMatch(/does not use it/);
    expect(SYMBOLS.weight.value(withOptions({ lossType: 'dr_grpo' }))).toMatch(/512 answers × 100 tokens/);
  });
});

describe('the group worked out by hand', () => {
  const answers = [1.1, 0.1, 0.1, 0, 1.1, 0.1, 0.1, 0.1].map((reward, index) => ({ reward, length: 16 + 8 * index }));

  it.each(['group', 'none'] as const)('has the advantages of the reference, scaled by %s', (scaleRewards) => {
    const expected = advantages(answers.map(({ reward }) => reward), 8, { advantageEstimator: 'grpo', scaleRewards }); // prettier-ignore
    workOut(answers, scaleRewards, 'dapo').forEach(({ advantage }, index) => {
      expect(advantage).toBeCloseTo(expected[index]!, 12);
    });
  });

  it.each(['grpo', 'dapo', 'dr_grpo'] as const)('weighs tokens as the trainer does: %s', (lossType) => {
    const samples = answers.map(({ length }) => ({ ids: new Array<number>(length + 1).fill(0), promptLength: 1 }));
    const options = { ...PRESETS.aha.options, lossType };
    const expected = aggregationWeights(samples, answers.map(() => true), options); // prettier-ignore
    workOut(answers, 'group', lossType).forEach(({ weight, advantage, push }, index) => {
      expect(weight).toBeCloseTo(expected[index]!, 7);
      expect(push).toBeCloseTo(weight * advantage, 12);
    });
  });

  it('teaches nothing where all rewards are equal', () => {
    const equal = answers.map((answer) => ({ ...answer, reward: 1.1 }));
    expect(workOut(equal, 'group', 'dapo').every(({ advantage }) => Math.abs(advantage) < 1e-9)).toBe(true);
    expect(labSentence(equal, 'group')).toMatch(/^All rewards are 1\.1\. .* teaches nothing/);
    expect(labSentence(answers, 'group')).toMatch(/^2 of 8 lie above the mean of 0\.34\./);
  });
});
