// All tasks, by name.
import { PlaygroundError } from '../base/errors.ts';
import { addition } from './addition.ts';
import { countdown } from './countdown.ts';
import { countdownEasy } from './countdown-easy.ts';
import { TASK_NAMES } from './task.ts';
import type { Task, TaskName } from './task.ts';

export const TASKS: Readonly<Record<TaskName, Task>> = { countdown, 'countdown-easy': countdownEasy, addition };

/** Throws bad-settings naming the tasks there are. */
export function findTask(name: string): Task {
  if (!Object.hasOwn(TASKS, name)) {
    throw new PlaygroundError('bad-settings', `there is no task "${name}"; the tasks are ${TASK_NAMES.join(', ')}`);
  }
  return TASKS[name as TaskName];
}
