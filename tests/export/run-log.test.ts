import { describe, expect, it } from 'vitest';
import { completionLine, settingsJson, snakeCaseOptions, stepLine } from '../../src/export/run-log.ts';
import { DEFAULT_OPTIONS } from '../../src/grpo/options.ts';

describe('the run log', () => {
  it('names the options as TRL does', () => {
    expect(Object.keys(snakeCaseOptions(DEFAULT_OPTIONS))).toEqual([
      'num_generations',
      'prompts_per_step',
      'max_completion_length',
      'temperature',
      'top_k',
      'top_p',
      'min_p',
      'learning_rate',
      'adam_beta1',
      'adam_beta2',
      'weight_decay',
      'max_grad_norm',
      'warmup_steps',
      'beta',
      'num_iterations',
      'epsilon',
      'epsilon_high',
      'delta',
      'loss_type',
      'importance_sampling_level',
      'advantage_estimator',
      'scale_rewards',
      'reward_weights',
      'mask_truncated_completions',
      'top_entropy_quantile',
      'entropy_coef',
      'sync_ref_model',
      'ref_model_mixup_alpha',
      'ref_model_sync_steps',
      'gamma',
      'lam',
      'critic_learning_rate',
      'vf_coef',
      'cliprange_value',
    ]);
    expect(snakeCaseOptions({ rewardWeights: [1, 0.5], delta: null })).toEqual({
      reward_weights: [1, 0.5],
      delta: null,
    });
  });

  it('writes the settings of a run with every option', () => {
    const settings = { preset: 'aha', task: 'countdown', seed: 3, steps: 250, options: DEFAULT_OPTIONS };
    const expected = {
      preset: 'aha',
      task: 'countdown',
      seed: 3,
      max_steps: 250,
      ...snakeCaseOptions(DEFAULT_OPTIONS),
    };
    expect(JSON.parse(settingsJson(settings))).toEqual(expected);
  });

  it('writes one line a step, with null for what is not a number', () => {
    const line = stepLine({ step: 7, metrics: { reward: 0.5, 'aha/wait_given_wrong': 1, kl: NaN } });
    expect(line).toBe('{"step":7,"reward":0.5,"aha/wait_given_wrong":1,"kl":null}\n');
  });

  it("writes one line a completion in TRL's columns", () => {
    const rewards = { accuracy: 1, format: 0.1 };
    expect(completionLine({ step: 7, prompt: '4,5>9<think>', completion: '4+5=9\n', rewards, advantage: -0.5 })).toBe(
      '{"step":7,"prompt":"4,5>9<think>","completion":"4+5=9\\n","accuracy":1,"format":0.1,"advantage":-0.5}\n',
    );
  });
});
