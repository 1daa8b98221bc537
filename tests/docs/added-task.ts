// The task that the README adds; add-a-task.test.ts checks its type.
import { gap as added } from 'readme:task';
import type { Task } from '../../src/tasks/task.ts';

export const gap = added as Task;
