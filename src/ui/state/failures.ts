// A run that stopped: what happened, for people, and the way on. The error's own message is shown below it.
import type { ErrorCode } from '../../base/errors.ts';

export interface FailureHelp {
  readonly title: string;
  readonly advice: string;
  /** A lower learning rate is worth offering. */
  readonly slower: boolean;
}

const help = (title: string, advice: string, slower = false): FailureHelp => ({ title, advice, slower });

const HELP: Readonly<Record<ErrorCode, FailureHelp>> = {
  diverged: help(
    'The run diverged',
    'Its numbers ran away, as they do when the updates are too large. The weights of the last good step are kept.',
    true,
  ),
  'device-lost': help(
    'The GPU was lost',
    'The system took it back: the driver restarted, the machine slept, or one task ran too long. Starting again asks for it anew.',
  ),
  'out-of-memory': help('The GPU ran out of memory', 'Fewer problems a step, or fewer answers a problem, need less.'),
  'limit-too-small': help(
    'This GPU is too small for these settings',
    'Fewer problems a step, or shorter answers, need less.',
  ),
  'worker-crashed': help('The worker stopped', 'Something unexpected stopped it. Starting again makes a new one.'),
  'webgpu-unavailable': help('No WebGPU', 'This browser offers none.'),
  'shader-compile': help('The GPU program was refused', 'A newer browser or graphics driver may accept it.'),
  'gpu-validation': help(
    'The GPU refused a command',
    'This is a fault of this program; the message below tells which command.',
  ),
  'bad-checkpoint': help('The base model could not be read', 'Reload the page; a file may have arrived incomplete.'),
  'bad-settings': help('These settings do not work together', 'Change what the message names, then start again.'),
};

export function failureHelp(code: string): FailureHelp {
  return Object.hasOwn(HELP, code)
    ? HELP[code as ErrorCode]
    : help('The run stopped', 'Something unexpected happened. Starting again may help.');
}
