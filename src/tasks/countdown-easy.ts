// Countdown with plus and minus alone: few enough expressions that a small model learns within minutes.
import { countdownTask } from './countdown.ts';

export const countdownEasy = countdownTask(
  {
    name: 'countdown-easy',
    title: 'Countdown, easy',
    asks: 'Reach the target with plus and minus, using each of the three numbers exactly once.',
    emerges:
      'It may learn to say "wait" after a wrong try; or, if its base hardly ever says it, to guess better in one go.',
  },
  ['+', '-'],
);
