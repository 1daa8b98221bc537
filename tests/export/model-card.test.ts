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

  it('gives the hub what it lists a model by: tags, the base model, and the results of evaluation', () => {
    const training = { kind: 'grpo', base: 'countdown', steps: 250, options: resolveOptions({}) } as const;
    const metrics = { reward: 0.5, 'eval/accuracy': 0.41237, 'eval/accuracy_without_wait': NaN };
    const card = modelCard({ ...base, name: 'a "run": 1', training, metrics });
    expect(card.split('---\n')[1]).toBe(
      [
        'library_name: transformers',
        'pipeline_tag: text-generation',
        'license: mit',
        'base_model: "countdown"',
        'tags:',
        ...['grpo', 'reinforcement-learning', 'llama', 'arithmetic', 'onnx', 'transformers.js'].map(
          (tag) => `- ${tag}`,
        ),
        'model-index:',
        '- name: "a \\"run\\": 1"',
        '  results:',
        '  - task:',
        '      type: text-generation',
        '    dataset:',
        '      name: "Countdown, held-out problems"',
        '      type: generated',
        '    metrics:',
        '    - type: accuracy',
        '      value: 0.4124',
        '',
      ].join('\n'),
    );
  });

  it('claims no base on the hub for one that lies in a folder, and no results where none were measured', () => {
    const training = { kind: 'grpo', base: '../my models/base', steps: 250, options: resolveOptions({}) } as const;
    const [, metadata] = modelCard({ ...base, training, metrics: { reward: 0.5 } }).split('---\n');
    expect(metadata).not.toContain('base_model');
    expect(metadata).not.toContain('model-index');
  });

  it('says that weights are in half precision, and shows the curves, where it is so', () => {
    expect(modelCard(base)).not.toMatch(/half precision|## Curves/);
    const card = modelCard({ ...base, weights: 'fp16', curves: 'curves.png' });
    expect(card).toContain('Its weights are rounded to half precision.');
    expect(card).toContain('![What was measured, step by step](curves.png)');
  });

  it('opens with metadata and shows how to load the model', () => {
    expect(modelCard(base)).toMatch(/^---\nlibrary_name: transformers\n/);
    expect(modelCard(base)).toContain("tokenizer('<bos>4,5,7>6<think>', return_tensors='pt')");
  });
});
