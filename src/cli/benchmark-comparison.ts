// The file of `bench --compare`, a saved `bench --json` or what tests/bench/pytorch.py printed, and the table of a run beside it.
import { PlaygroundError } from '../base/errors.ts';
import { isObject, show, type JsonObject } from '../export/untrusted.ts';
import type { ReferenceFigures } from '../recipes/benchmark.ts';
import { figure, sizesText, type BenchmarkTable } from '../recipes/benchmark-tables.ts';
import type { WorkloadSizes } from '../recipes/workload.ts';

/** Figures of the reference step that are compared: name and unit. */
const COMPARED = {
  samplingMs: ['sampling', 'ms'],
  trainingMs: ['training', 'ms'],
  stepMs: ['step', 'ms'],
  startMs: ['start', 'ms'],
  allocatedMiB: ['allocated', 'MiB'],
  largestBindingMiB: ['largest binding', 'MiB'],
} as const;
type ComparedFigure = keyof typeof COMPARED;

export interface SavedBenchmark {
  /** For a person: `PyTorch 2.11.0 on NVIDIA H100`. */
  readonly name: string;
  readonly sizes: WorkloadSizes;
  /** Each beside the figure of ours that it is compared with. */
  readonly figures: readonly { readonly of: ComparedFigure; readonly way: string; readonly value: number }[];
}

export interface ComparedRow {
  readonly name: string;
  readonly unit: string;
  readonly here: number;
  readonly there: number;
  /** here / there */
  readonly ratio: number;
}

/** Throws bad-settings: what `file` must hold, what came, and how to make it. */
export function readSavedBenchmark(json: string, file: string): SavedBenchmark {
  const saved = parseObject(json, file);
  const sizes = (of: JsonObject, at: string): WorkloadSizes => {
    const size = (name: keyof WorkloadSizes): number => number(object(of, 'sizes', at), name, `${at}.sizes`);
    return {
      hiddenSize: size('hiddenSize'),
      intermediateSize: size('intermediateSize'),
      numLayers: size('numLayers'),
      numHeads: size('numHeads'),
      vocabSize: size('vocabSize'),
      sequences: size('sequences'),
      promptTokens: size('promptTokens'),
      newTokens: size('newTokens'),
    };
  };
  if (saved['engine'] === 'pytorch') {
    const name = `PyTorch ${text(saved['version'])} on ${text(saved['device'])}`;
    return { name, sizes: sizes(saved, file), figures: pytorchFigures(saved, file) };
  }
  if (saved['engine'] !== 'grpo-playground')
    throw unusable(file, `"engine" must be "grpo-playground" or "pytorch", but it is ${show(saved['engine'])}`);
  const reference = object(saved, 'reference', file);
  const at = `${file}: reference`;
  const figures = (Object.keys(COMPARED) as ComparedFigure[]).map((of) => ({
    of,
    way: '',
    value: number(reference, of, at),
  }));
  return { name: `the saved run on ${text(saved['adapter'])}`, sizes: sizes(reference, at), figures };
}

/** `reference` must be of the sizes that were saved. */
export function compare(reference: ReferenceFigures, { figures }: SavedBenchmark): ComparedRow[] {
  return figures.map(({ of, way, value: there }) => {
    const [name, unit] = COMPARED[of];
    const here = reference[of];
    return { name: way === '' ? name : `${name}, ${way}`, unit, here, there, ratio: here / there };
  });
}

export function comparisonTable(rows: readonly ComparedRow[], { name, sizes }: SavedBenchmark): BenchmarkTable {
  return {
    title: `Beside ${name}: ${sizesText(sizes)}; below 1 is less here`,
    columns: ['figure', 'here', 'there', 'here / there'],
    rows: rows.map((row) => [
      row.name,
      `${figure(row.here)} ${row.unit}`,
      `${figure(row.there)} ${row.unit}`,
      figure(row.ratio),
    ]),
  };
}

/** The rows that could be run, and the fastest step in float32 that they make together. */
function pytorchFigures(saved: JsonObject, file: string): SavedBenchmark['figures'] {
  const tf32 = saved['allow_tf32'] ?? null;
  const rows = (from: JsonObject, at: string, precision: string): SavedBenchmark['figures'] =>
    (['samplingMs', 'trainingMs'] as const).flatMap((of) => {
      const [name] = COMPARED[of];
      const part = object(from, name, at);
      return Object.keys(part)
        .filter((way) => part[way] !== null)
        .map((way) => ({ of, way: `PyTorch ${way}${precision}`, value: number(part, way, `${at}.${name}`) }));
    });
  const float32 = rows(saved, file, '');
  const fastest = (part: ComparedFigure): number =>
    Math.min(...float32.filter(({ of }) => of === part).map(({ value }) => value));
  const stepMs = fastest('samplingMs') + fastest('trainingMs');
  return [
    ...float32,
    ...(tf32 === null ? [] : rows(object(saved, 'allow_tf32', file), `${file}: allow_tf32`, ' with TF32')),
    ...(Number.isFinite(stepMs) ? [{ of: 'stepMs' as const, way: "PyTorch's fastest in float32", value: stepMs }] : []),
    ...((saved['peakMiB'] ?? null) === null
      ? []
      : [{ of: 'allocatedMiB' as const, way: 'PyTorch eager', value: number(saved, 'peakMiB', file) }]),
  ];
}

function parseObject(json: string, file: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw unusable(file, `it must be JSON, but it cannot be parsed: ${(cause as Error).message}`);
  }
  if (!isObject(value)) throw unusable(file, `it must be a JSON object, but it is ${show(value)}`);
  return value;
}

function object(from: JsonObject, name: string, at: string): JsonObject {
  const value = from[name];
  if (!isObject(value)) throw unusable(at, `"${name}" must be an object, but it is ${show(value)}`);
  return value;
}

function number(from: JsonObject, name: string, at: string): number {
  const value = from[name];
  if (typeof value !== 'number' || !(value > 0))
    throw unusable(at, `"${name}" must be a number above 0, but it is ${show(value)}`);
  return value;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : 'an unknown one';
}

function unusable(at: string, why: string): PlaygroundError {
  return new PlaygroundError(
    'bad-settings',
    `${at} cannot be compared with: ${why}. Save one with bench --json, or with tests/bench/pytorch.py.`,
  );
}
