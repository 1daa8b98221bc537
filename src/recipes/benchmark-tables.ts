// A benchmark's figures as tables, for whoever shows them, and the tables as text.
import type { BenchmarkReport, ReferenceFigures } from './benchmark.ts';
import type { GrowthFigures, GrowthPoint } from './growth.ts';
import type { PartProfile, WorkloadSizes } from './workload.ts';

/** The first column names the row; all others hold figures. */
export interface BenchmarkTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const MOST_KERNELS = 12;

export function benchmarkTables({ reference, growth, aha }: BenchmarkReport): BenchmarkTable[] {
  const tables: BenchmarkTable[] = [];
  if (reference) {
    tables.push(referenceTable(reference));
    if (reference.profile) tables.push(kernelTable(reference.profile));
  }
  if (growth) {
    tables.push(growthTable('Growth with the batch', 'sequences', growth, ({ bySequences, sequencesRatio }) => [bySequences, sequencesRatio])); // prettier-ignore
    tables.push(growthTable('Growth with the completions', 'tokens', growth, ({ byLength, lengthRatio }) => [byLength, lengthRatio])); // prettier-ignore
  }
  if (aha)
    tables.push({
      title: `Preset ${aha.preset}: from Start until ${aha.targetWaitShare * 100}% of wrong tries are followed by wait`,
      columns: ['figure', aha.reached ? 'reached' : 'not reached'],
      rows: [
        ['wall time', `${figure(aha.seconds)} s`],
        ['steps', String(aha.steps)],
        ['wait after a wrong try', `${(aha.waitShare * 100).toFixed(0)}%`],
      ],
    });
  return tables;
}

/** Three significant figures or all whole ones: `0.0421`, `4.21`, `1,234`. */
export function figure(value: number): string {
  return Math.abs(value) >= 100 ? WHOLE.format(value) : value === 0 ? '0' : String(Number(value.toPrecision(3)));
}

/** `128 wide, 4 layers, 4 heads; 512 sequences of 12 + 100 tokens`. */
export function sizesText({ hiddenSize, numLayers, numHeads, sequences, promptTokens, newTokens }: WorkloadSizes): string {
  return `${hiddenSize} wide, ${plural(numLayers, 'layer')}, ${plural(numHeads, 'head')}; ${sequences} sequences of ${promptTokens} + ${newTokens} tokens`;
} // prettier-ignore

/** A heading, what a reader must know, and every table with its columns aligned. */
export function benchmarkText(report: BenchmarkReport, tables: readonly BenchmarkTable[]): string {
  const heading = [`GRPO Playground on ${report.adapter}`, ...report.notes].join('\n');
  return [heading, ...tables.map(tableText)].join('\n\n');
}

export function tableText({ title, columns, rows }: BenchmarkTable): string {
  const lines = [columns, ...rows];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  const text = (line: readonly string[]): string =>
    line
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return [title, ...lines.map(text)].join('\n');
}

function plural(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function referenceTable(reference: ReferenceFigures): BenchmarkTable {
  const { sizes, parameters, repeats, hostShare } = reference;
  const part = (name: string, ms: number, tokensPerSecond: number): string[] =>
    [name, `${figure(ms)} ms`, `${figure(tokensPerSecond)} tokens/s`]; // prettier-ignore
  const other = (name: string, value: string): string[] => [name, value, ''];
  return {
    title: `Reference step: ${sizesText(sizes)} (${WHOLE.format(parameters)} parameters); medians of ${repeats}`,
    columns: ['figure', 'time', 'completion tokens'],
    rows: [
      part('sampling', reference.samplingMs, reference.samplingTokensPerSecond),
      part('training', reference.trainingMs, reference.trainingTokensPerSecond),
      part('step', reference.stepMs, reference.tokensPerSecond),
      other(
        'of which the GPU computes nothing',
        hostShare === null ? 'not measured' : `${(hostShare * 100).toFixed(0)}%`,
      ),
      other('start, until ready', `${figure(reference.startMs)} ms`),
      other('allocated', `${figure(reference.allocatedMiB)} MiB`),
      other('largest binding', `${figure(reference.largestBindingMiB)} MiB`),
      other('dispatches, submits a step', `${WHOLE.format(reference.dispatches)}, ${WHOLE.format(reference.submits)}`),
    ],
  };
}

function kernelTable(profile: { readonly sampling: PartProfile; readonly training: PartProfile }): BenchmarkTable {
  const rows = Object.entries(profile)
    .flatMap(([name, { kernels, gpuMs }]) => kernels.map((kernel) => ({ ...kernel, part: name, gpuMs })))
    .sort((a, b) => b.totalMs - a.totalMs)
    .slice(0, MOST_KERNELS);
  return {
    title: `GPU time by kernel, each timed by itself, the longest ${rows.length}`,
    columns: ['kernel', 'part', 'calls', 'ms', 'of the part'],
    rows: rows.map(({ label, part, count, totalMs, gpuMs }) => [
      label,
      part,
      WHOLE.format(count),
      figure(totalMs),
      `${((totalMs / gpuMs) * 100).toFixed(0)}%`,
    ]),
  };
}

function growthTable(
  title: string,
  unit: string,
  growth: readonly GrowthFigures[],
  select: (figures: GrowthFigures) => readonly [readonly GrowthPoint[], number],
): BenchmarkTable {
  const selected = growth.map(select);
  const [first] = selected[0] ?? [[]];
  const bySequences = unit === 'sequences';
  const fixed = first[0] && (bySequences ? `${first[0].newTokens} tokens` : `${first[0].sequences} sequences`);
  return {
    title: `${title}, ${fixed ?? ''}: ms a step, microseconds a completion token`,
    columns: [unit, ...growth.map(({ hiddenSize }) => `${hiddenSize} wide`)],
    rows: [
      ...first.map((point, at) => [
        String(bySequences ? point.sequences : point.newTokens),
        ...selected.map(([points]) => `${figure(points[at]?.stepMs ?? NaN)} ms, ${figure(points[at]?.tokenUs ?? NaN)} µs`),
      ]),
      ['worst / best token', ...selected.map(([, ratio]) => ratio.toFixed(2))],
    ],
  };
} // prettier-ignore
