// Where a step's time goes: the medians of its parts over the latest steps, and the GPU time of its kernels by family.
import type { StepTiming } from '../../worker/protocol.ts';
import type { StepRecord } from './run-view.ts';

export interface Part {
  readonly label: string;
  /** One sentence: what it is. */
  readonly meaning: string;
  /** Wall time. */
  readonly ms: number;
  /** Of the step, 0 to 1. */
  readonly share: number;
  /** What it consists of on the GPU, the longest first, and what is left of it; empty where no kernel was measured. */
  readonly pieces: readonly { readonly label: string; readonly ms: number }[];
}

export interface TimeView {
  /** The sum of the parts. */
  readonly stepMs: number;
  readonly parts: readonly Part[];
  /** Steps behind the medians. */
  readonly steps: number;
  readonly dispatches: number;
  readonly submits: number;
  readonly allocatedMiB: number;
  readonly measurable: boolean;
  /** The step whose kernels were measured last, null where none was. */
  readonly measuredStep: number | null;
  /** Those that it had kernels of. */
  readonly families: readonly Family[];
}

/** Steps that a median is taken over. */
const LATEST = 20;

interface TimedRecord extends StepRecord {
  readonly timing: StepTiming;
}

/** Null where no step told its timing, as in a recorded run. */
export function timeView(steps: readonly StepRecord[]): TimeView | null {
  const timed = steps.filter((record): record is TimedRecord => record.timing !== undefined);
  const latest = timed.at(-1);
  if (!latest) return null;
  const unmeasured = timed.filter(({ timing }) => timing.kernels === null); // a measured step is slower
  const recent = (unmeasured.length > 0 ? unmeasured : timed).slice(-LATEST).map(({ timing }) => timing);
  const typical = (name: Exclude<keyof StepTiming, 'measurable' | 'kernels'>): number =>
    median(recent.map((timing) => timing[name]));
  const measured = timed.findLast(({ timing }) => timing.kernels !== null);
  const kernels = measured?.timing.kernels;
  const evaluationMs = timed.reduce((sum, { timing }) => sum + timing.evaluationMs, 0) / latest.step;

  const parts = [
    {
      label: 'Sampling',
      meaning: 'The model writes all answers of the step, for each of them one token after the other.',
      ms: typical('samplingMs'),
      kernels: kernels?.sampling,
    },
    {
      label: 'Rewards',
      meaning: 'A program on the processor reads every answer and judges it.',
      ms: typical('gradingMs'),
    },
    {
      label: 'Training',
      meaning:
        'Advantages, a pass forward and one back through the model for every token, and the update of its weights.',
      ms: typical('trainingMs'),
      kernels: kernels?.training,
    },
    {
      label: 'Evaluation',
      meaning: 'Held-out problems, every 25 steps; this is its share of one step.',
      ms: evaluationMs,
    },
    {
      label: 'Everything else',
      meaning: 'Reading the thoughts for the curves, the group that you see, a copy of the weights now and then.',
      ms: typical('otherMs'),
    },
  ];
  const stepMs = parts.reduce((sum, { ms }) => sum + ms, 0);
  return {
    stepMs,
    parts: parts.map(({ kernels: own, ...part }) => ({
      ...part,
      share: stepMs > 0 ? part.ms / stepMs : 0,
      pieces: own ? pieces(own, part.ms) : [],
    })),
    steps: recent.length,
    dispatches: typical('dispatches'),
    submits: typical('submits'),
    allocatedMiB: latest.timing.allocatedBytes / 2 ** 20,
    measurable: latest.timing.measurable,
    measuredStep: measured?.step ?? null,
    families: FAMILIES.filter(({ names }) =>
      [...(kernels?.sampling ?? []), ...(kernels?.training ?? [])].some(({ label }) => names.test(label)),
    ),
  };
}

export interface Family {
  readonly label: string;
  /** One sentence: what its kernels do. */
  readonly meaning: string;
  /** The names of its kernels. */
  readonly names: RegExp;
}

export const FAMILIES: readonly Family[] = [
  {
    label: 'Matrix products',
    meaning: 'Activations times weights: nearly all parameters are used here, and nearly all arithmetic is done.',
    names: /^(matmul|transpose)/,
  },
  {
    label: 'Attention',
    meaning: 'Every token looks at those before it; while sampling, at what was kept of them.',
    names: /^(attention|cache_prompts)/,
  },
  {
    label: 'Norms, gates, positions',
    meaning: 'Little arithmetic on every activation, so they wait for memory.',
    names: /^(rms_norm|swiglu|rope|embedding)/,
  },
  {
    label: 'Whole model',
    meaning: 'Several tokens in one dispatch, each workgroup for a few answers.',
    names: /^decode/,
  },
  {
    label: 'Choosing tokens',
    meaning: 'A random draw from what the model finds likely, for every answer that has not ended.',
    names: /^(sample|draw)/,
  },
  {
    label: 'Loss',
    meaning: 'Log-probs, advantages, the clipped ratio and the pull to the base, down to the gradient of the logits.',
    names: /^(softmax|log_prob|policy_gradient|advantage|token_advantage|critic|value|reference)/,
  },
  {
    label: 'Optimizer',
    meaning: 'Gathers the gradients, shortens one that is too long, and moves every weight a little (AdamW).',
    names: /^(reduce|adamw)/,
  },
];

/** GPU time by family, backward apart, and what of the wall time is left. */
function pieces(
  kernels: readonly { readonly label: string; readonly totalMs: number }[],
  wallMs: number,
): Part['pieces'] {
  const sums = new Map<string, number>();
  for (const { label, totalMs } of kernels) {
    const family = FAMILIES.find(({ names }) => names.test(label))?.label ?? 'Other kernels';
    const name = label.includes('backward') ? `${family}, backward` : family;
    sums.set(name, (sums.get(name) ?? 0) + totalMs);
  }
  const onGpu = [...sums].map(([label, ms]) => ({ label, ms })).sort((a, b) => b.ms - a.ms);
  const busyMs = onGpu.reduce((sum, { ms }) => sum + ms, 0);
  return [...onGpu, { label: 'Processor, and waiting', ms: Math.max(0, wallMs - busyMs) }];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
