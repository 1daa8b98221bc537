// The four stages of R1 in words, and the order that the visitor gives them.
import type { StageName } from '../../../worker/experiment-client.ts';

export const STAGES: readonly { readonly name: StageName; readonly title: string; readonly does: string }[] = [
  {
    name: 'cold-start',
    title: 'Cold start',
    does: 'Supervised training on a few clean examples, so that the thought is readable from the beginning.',
  },
  {
    name: 'reasoning-rl',
    title: 'Reasoning RL',
    does: 'GRPO on problems that a program can check, with a small reward for keeping to one language.',
  },
  {
    name: 'rejection-sampling',
    title: 'Rejection sampling',
    does: 'The model answers many problems; what is right and readable is kept, and the base is tuned on it anew.',
  },
  {
    name: 'all-tasks-rl',
    title: 'RL for everything',
    does: 'GRPO over all tasks at once. DeepSeek added reward models for what no program can check; here rules for brevity and against repetition stand in for them.',
  },
];

export interface PlannedStage {
  readonly name: StageName;
  readonly on: boolean;
}

export function toggleStage(plan: readonly PlannedStage[], index: number): PlannedStage[] {
  return plan.map((stage, place) => (place === index ? { ...stage, on: !stage.on } : stage));
}

/** By one place, earlier (-1) or later (1); where there is no such place, nothing changes. */
export function moveStage(plan: readonly PlannedStage[], index: number, by: -1 | 1): PlannedStage[] {
  const moved = [...plan];
  const [here, there] = [moved[index], moved[index + by]];
  if (here && there) [moved[index], moved[index + by]] = [there, here];
  return moved;
}
