// Made-up rows of every experiment of the Learn page, as a browser keeps them.
import type { EstimatorRow, Score } from '../../src/worker/experiment-client.ts';

export const score = (changes: Partial<Score> = {}): Score => ({
  accuracy: 0.2,
  format: 1,
  mixed: 0.1,
  repeats: 0,
  readable: 0.8,
  waitGivenWrong: 0.1,
  waitGivenRight: 0.1,
  arithmetic: 1,
  verdict: 1,
  meanLength: 17,
  ...changes,
});

const row = (model: string, changes: Partial<Score>) => ({
  model,
  examples: [{ prompt: '1,5,7>1<think>', completion: '7-5-1=1 yes</think>7-5-1<eos>' }],
  scores: { countdown: score(changes), 'countdown-easy': score(changes), addition: score(changes) },
});

const estimator = (name: EstimatorRow['estimator'], after: number, critic: boolean): EstimatorRow => ({
  estimator: name,
  steps: 120,
  rewardBefore: 0.3,
  rewardAfter: after,
  accuracy: after - 0.1,
  solvedInSteps: after - 0.15,
  solvedInTime: critic ? after - 0.2 : after - 0.15,
  seconds: 60,
  stepMs: 500,
  criticMs: critic ? 150 : 0,
  memoryMiB: critic ? 180 : 120,
  criticMiB: critic ? 60 : 0,
  explainedVariance: critic ? 0.6 : null,
  gainPerStep: (after - 0.3) / 120,
  gainPerSecond: (after - 0.3) / 60,
  gainPerMiB: (after - 0.3) / 120,
});

const ROWS: Readonly<Record<string, readonly object[]>> = {
  scoreboard: [row('addition', { accuracy: 0.4 }), row('countdown', { accuracy: 0.12 })],
  'wait-priors': [0, 0.02, 0.1, 0.2].flatMap((waitPrior) => [
    { ...row('base', { waitGivenWrong: waitPrior, waitGivenRight: waitPrior }), waitPrior },
    { ...row('trained', { accuracy: 0.6, waitGivenWrong: waitPrior < 0.1 ? 0 : 0.9, meanLength: 30 }), waitPrior },
  ]),
  zero: [
    row('base', {}),
    row('r1-zero', { accuracy: 0.4, mixed: 0.7 }),
    row('cold-start', { accuracy: 0.5, mixed: 0.3 }),
    row('reasoning-rl', { accuracy: 0.6, mixed: 0.2 }),
  ],
  pipeline: ['cold-start', 'reasoning-rl', 'rejection-sampling', 'all-tasks-rl'].map((model, index) =>
    row(model, { accuracy: 0.5 + 0.1 * index, mixed: 0.3 - 0.1 * index }),
  ),
  distill: [
    { ...row('student-base', {}), flops: 0 },
    { ...row('student-distilled', { accuracy: 0.45 }), flops: 4e12 },
    { ...row('student-alone', { accuracy: 0.3 }), flops: 4.1e12 },
  ],
  estimators: [
    estimator('ppo', 0.7, true),
    estimator('grpo', 0.8, false),
    estimator('rloo', 0.75, false),
    estimator('reinforce', 0.5, false),
  ],
};

/** Key -> text, for localStorage. */
export function keptExperiments(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ROWS).map(([name, rows]) => [
      `experiment-${name}`,
      JSON.stringify(rows.map((each) => ({ row: each, adapter: 'Simulated GPU', reduced: false }))),
    ]),
  );
}
