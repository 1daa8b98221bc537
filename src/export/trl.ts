// A run as a folder for TRL, Hugging Face's trainer, on a cluster: train.py with this run's settings, its problems in their order, its
// rewards in Python, and the base model that it began with.
import { strToU8 } from 'fflate';
import { Random } from '../base/random.ts';
import type { Checkpoint } from '../engine/config.ts';
import type { Task } from '../tasks/task.ts';
import { writeModelFolder } from './hugging-face.ts';
import { RUN_FILES, settingsJson, stepLine, type LoggedSettings, type LoggedStep } from './run-log.ts';
import { eventFile } from './tensorboard.ts';
import problemsPy from './trl/problems.py?raw';
import { trlReadme } from './trl/readme.ts';
import requirements from './trl/requirements.txt?raw';
import rewardsPy from './trl/rewards.py?raw';
import { REAL_MODEL, trlSettings, yaml, type Gap } from './trl/settings.ts';
import trainPy from './trl/train.py?raw';
import wordsPy from './trl/words.py?raw';

export type { Gap } from './trl/settings.ts';

export interface TrlExport {
  readonly settings: LoggedSettings;
  readonly task: Task;
  /** The model that the run begins with. */
  readonly base: Checkpoint;
  /** What the run has logged so far; it may be nothing. */
  readonly log: readonly LoggedStep[];
}

/** Training problems in data/train.jsonl; a longer run begins again with the first, or problems.py draws them all. */
const MOST_PROBLEMS = 16_384;

/** The folder's name: trl-countdown-aha-seed1. */
export function trlName({ task, preset, seed }: LoggedSettings): string {
  return `trl-${task}-${preset}-seed${seed}`;
}

/** Path -> bytes, and the settings that TRL does not take as they are. Throws bad-checkpoint for a base that cannot be loaded again. */
export function trlFolder({ settings, task, base, log }: TrlExport): {
  readonly files: Map<string, Uint8Array>;
  readonly gaps: readonly Gap[];
} {
  const { config, gaps } = trlSettings({ ...settings, task: task.name });
  const problems = trainingProblems(task, settings);
  const texts = {
    'README.md': trlReadme(settings, gaps, problems.length),
    'requirements.txt': requirements,
    'train.py': trainPy,
    'rewards.py': rewardsPy,
    'problems.py': problemsPy,
    'words.py': wordsPy,
    'grpo.yaml': yaml(config),
    'real-model.yaml': yaml({ ...config, ...REAL_MODEL }),
    'data/train.jsonl': problems.map(problemLine).join(''),
    'data/held-out.jsonl': task.heldOut.map(problemLine).join(''),
    [RUN_FILES.settings]: settingsJson(settings),
    ...(log.length > 0 && { [RUN_FILES.log]: log.map(stepLine).join('') }),
  };
  const files = new Map<string, Uint8Array>(Object.entries(texts).map(([path, text]) => [path, strToU8(text)]));
  if (log.length > 0) files.set(RUN_FILES.events, eventFile(log));
  for (const [path, bytes] of writeModelFolder(base, task.tokenizer))
    if (!path.startsWith('onnx/')) files.set(`model/${path}`, bytes); // TRL trains the other format
  return { files, gaps };
}

/** The problems that the trainer draws, step after step. */
function trainingProblems(task: Task, { seed, steps, options: { promptsPerStep } }: LoggedSettings): string[] {
  const wholeSteps = Math.min(steps, Math.floor(MOST_PROBLEMS / promptsPerStep));
  return Array.from({ length: wholeSteps }, (_, index) => {
    const random = new Random(seed, index + 1);
    return Array.from({ length: promptsPerStep }, () => task.samplePrompt(random));
  }).flat();
}

function problemLine(problem: string): string {
  return `${JSON.stringify({ prompt: `<bos>${problem}` })}\n`;
}
