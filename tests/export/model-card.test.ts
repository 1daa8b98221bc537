import { describe, expect, it } from 'vitest';
import { modelCard, type ModelCard } from '../../src/export/model-card.ts';
import { resolveOptions } from '../../src/grpo/options.ts';
import { SMALL } from './model.ts';

const base: ModelCard = {
  name: 'countdown',
  config: SMALL,
  task: { title: 'Countdown', asks: 'Reach a number.', examplePrompt: '4,5,7>6<think>' },
  training: { kind: 'pretraining', steps: 4000, waitPrior: 0.15, languageSwitching: null },
  command: 'npm run -s grpo -- pretrain countdown --seed 5',
  seed: 5,
  metrics: { 'aha/arithmetic': 0.98765, 'aha/verdict': 0.991, 'eval/accuracy': 0.4 },
};

describe('the model card', () => {
  it('of a base model gives its command, seed, wait prior and measured figures', () => {
    const card = modelCard(base);
    expect(card).toContain('```sh\nnpm run -s grpo -- pretrain countdown --seed 5\n```');
    expect(card).toContain('Seed 5:');
    expect(card).toContain('pretrained for 4000 steps');
    expect(card).toContain('"wait" follows a verdict with probability 0.15');
    expect(card).toContain('| `aha/arithmetic` | 0.9877 |\n| `aha/verdict` | 0.991 |\n| `eval/accuracy` | 0.4 |');
    expect(card).not.toContain('## Settings');
    expect(card).not.toContain('two languages');
  });

  it('says where a base speaks two languages', () => {
    const training = { kind: 'pretraining', steps: 4000, waitPrior: 0.15, languageSwitching: 0.25 } as const;
    expect(modelCard({ ...base, training })).toContain('changes before a later word with probability 0.25.');
  });

  it('of a trained model names its base and the options that differ from the defaults, and only those', () => {
    const options = resolveOptions({ learningRate: 3e-4, rewardWeights: [1, 0], delta: 2 });
    const card = modelCard({ ...base, training: { kind: 'grpo', base: 'countdown', steps: 250, options } });
    expect(card).toContain('trained for 250 steps by GRPO from the base model `countdown`');
    expect(card.split('\n').filter((line) => /^\| `(?!aha|eval)/.test(line))).toEqual([
      expect.stringContaining('| `learning_rate` | 0.0003 | 0.0001 |'),
      expect.stringContaining('| `delta` | 2 | none |'),
      expect.stringContaining('| `reward_weights` | 1, 0 | 1, 1 |'),
    ]);
    expect(card).not.toContain('wait prior');
  });

  it('says so where every option had its default', () => {
    const training = { kind: 'grpo', base: 'countdown', steps: 250, options: resolveOptions({}) } as const;
    expect(modelCard({ ...base, training })).toContain('Every option had its default.');
  });

  it('counts the parameters and gives the sizes', () => {
    expect(modelCard(base)).toContain('A Llama of 5,648 parameters');
    expect(modelCard(base)).toContain('| 28 | 16 | 32 | 2 | 2 | 64 |');
  });

  it('opens with metadata and shows how to load the model', () => {
    expect(modelCard(base)).toMatch(/^---\nlibrary_name: transformers\n/);
    expect(modelCard(base)).toContain("tokenizer('<bos>4,5,7>6<think>', return_tensors='pt')");
  });
});
