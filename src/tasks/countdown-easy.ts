// Countdown with plus and minus alone: few enough expressions that a small model learns to guess right in one go.
import { countdownTask } from './countdown.ts';

export const countdownEasy = countdownTask(
  {
    name: 'countdown-easy',
    title: 'Countdown, easy',
    asks: 'Reach the target with plus and minus, using each of the three numbers exactly once.',
    emerges: 'It soon guesses better in one go, without a single "wait": the fast first lesson.',
  },
  ['+', '-'],
);
