// What the page shows of a run: a pure fold over its events, `view = events.reduce(advance, EMPTY_VIEW)`.
import type { AdapterView, GroupView, Metrics, RunEvent, RunSettings, StepTiming } from '../../worker/protocol.ts';

export interface StepRecord {
  readonly step: number;
  readonly metrics: Metrics;
  readonly group: GroupView | null;
  readonly stepMs: number;
  readonly tokens: number;
  readonly timing?: StepTiming;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  /** The weights of the last good step can still be exported. */
  readonly exportable: boolean;
}

export type Phase = 'empty' | 'loading' | 'running' | 'paused' | 'finished' | 'failed';

export interface RunView {
  readonly phase: Phase;
  readonly settings: RunSettings | null;
  readonly adapter: AdapterView | null;
  readonly parameters: number;
  readonly progress: { readonly what: string; readonly done: number; readonly total: number } | null;
  /** A group of the base model's answers, until step 1 has learnt from them. */
  readonly preview: GroupView | null;
  /** In step order; thinned once there are more than MAX_STEPS, evaluations and the latest step always kept. */
  readonly steps: readonly StepRecord[];
  readonly failure: Failure | null;
}

export const EMPTY_VIEW: RunView = {
  phase: 'empty',
  settings: null,
  adapter: null,
  parameters: 0,
  progress: null,
  preview: null,
  steps: [],
  failure: null,
};

/** More points than this no chart here can show. */
export const MAX_STEPS = 500;

export function advance(view: RunView, event: RunEvent): RunView {
  switch (event.type) {
    case 'started':
      return {
        ...EMPTY_VIEW,
        phase: 'loading',
        settings: event.settings,
        adapter: event.adapter,
        parameters: event.parameters,
      };
    case 'progress':
      return {
        ...view,
        phase: view.phase === 'empty' ? 'loading' : view.phase,
        progress: event.done < event.total ? { what: event.what, done: event.done, total: event.total } : null,
      };
    case 'preview':
      return { ...view, preview: event.group };
    case 'step': {
      const { type: _, ...record } = event;
      return {
        ...view,
        phase: view.phase === 'paused' ? 'paused' : 'running',
        progress: null,
        preview: record.group ? null : view.preview,
        steps: thin([...view.steps, record]),
      };
    }
    case 'paused':
      return { ...view, phase: 'paused', progress: null };
    case 'resumed':
      return { ...view, phase: 'running' };
    case 'finished':
      return { ...view, phase: 'finished', progress: null };
    case 'failed':
      return {
        ...view,
        phase: 'failed',
        progress: null,
        failure: { code: event.code, message: event.message, exportable: event.exportable },
      };
  }
}

function thin(steps: readonly StepRecord[]): readonly StepRecord[] {
  if (steps.length <= MAX_STEPS) return steps;
  return steps.filter((record, index) => index % 2 === 0 || index === steps.length - 1 || isEvaluation(record));
}

function isEvaluation(record: StepRecord): boolean {
  return 'eval/accuracy' in record.metrics;
}

/** The first and the latest value of a metric, null where no step has it. */
export function firstAndLatest(steps: readonly StepRecord[], metric: string): { first: number; latest: number } | null {
  const has = (record: StepRecord): boolean => Number.isFinite(record.metrics[metric]);
  const first = steps.find(has)?.metrics[metric];
  const latest = steps.findLast(has)?.metrics[metric];
  return first === undefined || latest === undefined ? null : { first, latest };
}

/** Pace over the last few steps, null before the first trained step. */
export function pace(steps: readonly StepRecord[]): { stepMs: number; tokensPerSecond: number } | null {
  const recent = steps.filter((record) => record.step > 0 && record.stepMs > 0).slice(-10);
  if (recent.length === 0) return null;
  const ms = recent.reduce((sum, record) => sum + record.stepMs, 0);
  const tokens = recent.reduce((sum, record) => sum + record.tokens, 0);
  return { stepMs: ms / recent.length, tokensPerSecond: (tokens / ms) * 1000 };
}
