// A made-up countdown run with the shape of a real one, for tests of the page alone: no model, no GPU.
import { PlaygroundError } from '../../src/base/errors.ts';
import { Random } from '../../src/base/random.ts';
import { PRESETS } from '../../src/recipes/presets.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';
import type {
  AdapterView,
  CompletionView,
  EventListener,
  GroupView,
  Metrics,
  OpenedModel,
  PickedFile,
  RecordedRun,
  RunEvent,
  RunSettings,
  SessionApi,
  TrlZip,
} from '../../src/worker/protocol.ts';

export const ADAPTER: AdapterView = { name: 'Simulated GPU', software: false };

export const SETTINGS: RunSettings = {
  preset: 'aha',
  task: 'countdown',
  seed: 1,
  steps: 250,
  options: PRESETS.aha.options,
};

const tokenizer = new Tokenizer();

/** Logistic rise from `low` to `high` around `middle`. */
function rise(step: number, low: number, high: number, middle: number, width: number): number {
  return low + (high - low) / (1 + Math.exp((middle - step) / width));
}

export function simulatedMetrics(step: number, random: Random): Metrics {
  const noise = (size: number): number => size * random.normal();
  const wrong = rise(step, 0.09, 0.82, 112, 9);
  const right = rise(step, 0.06, 0.2, 92, 8) - rise(step, 0, 0.18, 135, 6);
  const accuracy = rise(step, 0.13, 0.44, 125, 18);
  return {
    reward: accuracy + 0.098 + noise(0.012),
    'rewards/accuracy/mean': accuracy + noise(0.012),
    'aha/wait_given_wrong': Math.min(1, Math.max(0, wrong + noise(0.012))),
    'aha/wait_given_right': Math.max(0, right + noise(0.01)),
    'aha/arithmetic': 0.975 + noise(0.004),
    'aha/verdict': 0.985 + noise(0.003),
    'completions/mean_length': rise(step, 16.7, 37, 118, 12) + noise(0.4),
    entropy: rise(step, 0.62, 0.41, 60, 40) + noise(0.01),
    kl: rise(step, 0, 0.12, 120, 25) + Math.abs(noise(0.002)),
    'clip_ratio/region_mean': 0,
    grad_norm: 0.32 + Math.abs(noise(0.06)),
    policy_loss: noise(2e-8),
    frac_reward_zero_std: 0.11 + noise(0.02),
    ...(step % 10 === 0 && {
      'eval/accuracy': accuracy + noise(0.008),
      'eval/accuracy_without_wait': rise(step, 0.13, 0.22, 130, 40) + noise(0.008),
    }),
  };
}

function simulatedCompletion(
  numbers: readonly number[],
  target: number,
  metrics: Metrics,
  random: Random,
): CompletionView {
  let text = '';
  const attempts: { start: number; end: number; right: boolean }[] = [];
  for (;;) {
    const [a, b, c] = random.shuffle(numbers) as [number, number, number];
    const [first, second] = [random.pick(['+', '-', '*']), random.pick(['+', '-', '*'])];
    const apply = (x: number, operator: string, y: number): number =>
      operator === '+' ? x + y : operator === '-' ? x - y : x * y;
    const value = second === '*' && first !== '*' ? apply(a, first, b * c) : apply(apply(a, first, b), second, c);
    const right = value === target;
    const expression = `${a}${first}${b}${second}${c}`;
    const start = tokenizer.encode(text).length;
    const end = start + tokenizer.encode(`${expression}=${value}`).length;
    attempts.push({ start, end, right });
    text += `${expression}=${value}${right ? ' yes' : ' no'}`;
    const waits = random.unit() < (metrics[right ? 'aha/wait_given_right' : 'aha/wait_given_wrong'] ?? 0);
    if (!waits || end > 84) {
      text += `</think>${expression}<eos>`;
      const tokens = tokenizer.encode(text).map((id) => tokenizer.symbols[id] ?? '');
      return {
        tokens,
        push: [],
        logProbs: tokens.map((token) => Math.log(0.02 + 0.98 * (/[ <=]/.test(token) ? 0.9 : random.unit()))),
        rewards: { accuracy: right ? 1 : 0, format: 0.1 },
        reward: right ? 1.1 : 0.1,
        advantage: 0,
        attempts,
        truncated: false,
      };
    }
    text += ' wait ';
  }
}

export function simulatedGroup(metrics: Metrics, random: Random, size = 16): GroupView {
  const numbers = [1 + random.integer(9), 1 + random.integer(9), 1 + random.integer(9)];
  const [a, b, c] = numbers as [number, number, number];
  const target = Math.abs(a - b) + c;
  const drafts = Array.from({ length: size }, () => simulatedCompletion(numbers, target, metrics, random));
  const mean = drafts.reduce((sum, { reward }) => sum + reward, 0) / size;
  const std = Math.sqrt(drafts.reduce((sum, { reward }) => sum + (reward - mean) ** 2, 0) / (size - 1));
  const completions = drafts.map((draft) => {
    const advantage = (draft.reward - mean) / (std + 1e-4);
    // A sampled token's log-prob moves by advantage x (1 - its probability).
    return { ...draft, advantage, push: draft.logProbs.map((logProb) => (advantage * (1 - Math.exp(logProb))) / 4) };
  });
  return { prompt: `${numbers.join(',')}>${target}<think>`, title: `${numbers.join(' ')} → ${target}`, completions };
}

/** Every event of a run from start to finish. */
export function simulatedEvents(settings: RunSettings = SETTINGS, seed = settings.seed): RunEvent[] {
  const random = new Random(seed);
  const events: RunEvent[] = [
    { type: 'started', settings, adapter: ADAPTER, parameters: 643_000 },
    { type: 'progress', what: 'Loading the model', done: 0, total: 2 },
    { type: 'progress', what: 'Loading the model', done: 2, total: 2 },
  ];
  for (let step = 0; step <= settings.steps; step++) {
    const metrics = simulatedMetrics(step, random);
    const group = simulatedGroup(metrics, random, settings.options.numGenerations);
    events.push({ type: 'step', step, metrics, group, stepMs: 380 + 40 * random.unit(), tokens: 512 * 30 });
  }
  events.push({ type: 'finished' });
  return events;
}

export function simulatedRecording(): RecordedRun {
  return {
    about: { adapter: 'Simulated GPU', command: 'none: a simulation' },
    events: simulatedEvents(),
  };
}

/** A session that sends simulated events, `stepMs` apart; `failure` ends the run at its step. */
export class SimulatedSession implements SessionApi {
  readonly #stepMs: number;
  readonly #adapter: AdapterView;
  readonly #failure: { readonly step: number; readonly code: string } | null;
  #waiting: RunEvent[] = [];
  #listener: EventListener = () => undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(stepMs: number, adapter = ADAPTER, failure: { step: number; code: string } | null = null) {
    this.#stepMs = stepMs;
    this.#adapter = adapter;
    this.#failure = failure;
  }

  adapter(): Promise<AdapterView> {
    return Promise.resolve(this.#adapter);
  }

  start(settings: RunSettings, listener: EventListener): Promise<void> {
    clearTimeout(this.#timer);
    this.#listener = listener;
    this.#waiting = simulatedEvents(settings);
    this.#sendNext();
    return Promise.resolve();
  }

  pause(): Promise<void> {
    clearTimeout(this.#timer);
    this.#listener({ type: 'paused' });
    return Promise.resolve();
  }

  resume(): Promise<void> {
    this.#listener({ type: 'resumed' });
    this.#sendNext();
    return Promise.resolve();
  }

  step(): Promise<void> {
    this.#sendNext();
    return this.pause();
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  measureKernels(): Promise<void> {
    return Promise.resolve();
  }

  reset(): Promise<void> {
    clearTimeout(this.#timer);
    this.#waiting = [];
    return Promise.resolve();
  }

  exportZip(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array([80, 75, 5, 6, ...new Array<number>(18).fill(0)]));
  }

  exportTrl(settings: RunSettings): Promise<TrlZip> {
    return Promise.resolve({ name: `trl-${settings.task}`, zip: new Uint8Array(22), gaps: [] });
  }

  open([first]: readonly PickedFile[]): Promise<OpenedModel> {
    if (!first?.path.endsWith('.zip')) return Promise.reject(new PlaygroundError('bad-checkpoint', 'it must be a zip'));
    const run = { settings: SETTINGS, step: 20 };
    const name = first.path.replace('.zip', '');
    const files = new Map([['config.json', new Uint8Array(1)]]);
    return Promise.resolve({ name, parameters: 643456, layers: 3, width: 128, longestAnswer: 112, run, files });
  }

  #sendNext(): void {
    const event = this.#waiting.shift();
    if (!event) return;
    if (this.#failure && event.type === 'step' && event.step === this.#failure.step) {
      this.#listener({ type: 'failed', code: this.#failure.code, message: 'the loss is NaN', exportable: true });
      return;
    }
    this.#listener(event);
    this.#timer = setTimeout(() => {
      this.#sendNext();
    }, this.#stepMs);
  }
}
