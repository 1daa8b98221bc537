// bench: what a GRPO step takes on this GPU and where its time goes, how that grows, and how long it is to the aha.
import { join } from 'node:path';
import { FUSED_SIZES } from '../../engine/fused-decoder.ts';
import type { EngineOptions } from '../../engine/index.ts';
import {
  BENCHMARK_PARTS,
  BENCHMARK_SCALES,
  runBenchmark,
  type BenchmarkReport,
  type BenchmarkScaleName,
} from '../../recipes/benchmark.ts';
import { benchmarkTables, benchmarkText, sizesText } from '../../recipes/benchmark-tables.ts';
import type { WorkloadSizes } from '../../recipes/workload.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { compare, comparisonTable, readSavedBenchmark, type SavedBenchmark } from '../benchmark-comparison.ts';
import { MODELS, print, printJson, readFile, readModel, tell } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

const OPTIONS = [
  ...['scale', 'hidden-size', 'layers', 'heads', 'sequences', 'new-tokens', 'repeats', 'compare'],
  ...['decoder', 'fused-tokens', 'fused-threads'],
];

export async function bench(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, OPTIONS, BENCHMARK_PARTS);
  const named = BENCHMARK_PARTS.filter((part) => given.has(part));
  const parts = named.length > 0 ? named : BENCHMARK_PARTS;
  const scale = scaleOf(given);
  const file = given.text('compare');
  const saved = file === undefined ? null : readSavedBenchmark(new TextDecoder().decode(readFile(file)), file);
  if (saved && !parts.includes('reference'))
    throw new UsageError('--compare compares the reference step: give --reference too');
  const sizes = sizesOf(given);
  if (saved) requireSameSizes(sizes, saved);

  const report = await runBenchmark(
    {
      parts,
      ...(scale && { scale }),
      ...(saved ? { sizes: saved.sizes } : Object.keys(sizes).length > 0 && { sizes }),
      ...(given.has('repeats') && { repeats: whole(given, 'repeats', 1, 1000) }),
      engine: engineOptions(given),
    },
    { withGpu, loadModel: (name) => Promise.resolve(readModel(join(MODELS, name)).checkpoint) },
    (what, done, total) => tell(`${what} (${done}/${total})`),
  );
  show(report, saved, given.json);
  if (report.aha && !report.aha.reached) {
    const { steps, waitShare, targetWaitShare } = report.aha;
    tell(`grpo: no aha after ${steps} steps: wait follows ${(waitShare * 100).toFixed(0)}% of wrong tries, but ${targetWaitShare * 100}% were expected`); // prettier-ignore
    process.exitCode = 1;
  }
}

function show(report: BenchmarkReport, saved: SavedBenchmark | null, json: boolean): void {
  const rows = saved && report.reference ? compare(report.reference, saved) : null;
  if (json) {
    printJson(saved && rows ? { ...report, comparison: { name: saved.name, rows } } : report);
    return;
  }
  const compared = saved && rows ? [comparisonTable(rows, saved)] : [];
  print(benchmarkText(report, [...benchmarkTables(report), ...compared]));
}

function scaleOf(given: Arguments): BenchmarkScaleName | undefined {
  const name = given.text('scale');
  const names = Object.keys(BENCHMARK_SCALES) as BenchmarkScaleName[];
  const scale = names.find((known) => known === name);
  if (name !== undefined && !scale) throw new UsageError(`--scale must be ${names.join(', ')}, but it is "${name}"`);
  return scale;
}

function whole(given: Arguments, name: string, min: number, max: number): number {
  return given.number(name, min, { min, max, integer: true });
}

/** Those sizes of the reference step that were given. */
function sizesOf(given: Arguments): Partial<WorkloadSizes> {
  const has = (name: string, max: number, min = 1): number | undefined =>
    given.has(name) ? whole(given, name, min, max) : undefined;
  const hiddenSize = has('hidden-size', 256);
  const sizes = {
    hiddenSize,
    intermediateSize: hiddenSize && 3 * hiddenSize,
    numLayers: has('layers', 8),
    numHeads: has('heads', 8),
    sequences: has('sequences', 4096, 2),
    newTokens: has('new-tokens', 244),
  };
  const { sequences = 16 } = sizes;
  if (sequences > 16 && sequences % 16 !== 0)
    throw new UsageError(`--sequences above 16 must be a multiple of 16, but it is ${sequences}`);
  return Object.fromEntries(Object.entries(sizes).filter(([, size]) => size !== undefined));
}

function requireSameSizes(sizes: Partial<WorkloadSizes>, saved: SavedBenchmark): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (size !== saved.sizes[name as keyof WorkloadSizes])
      throw new UsageError(`--compare runs the sizes of its file, ${sizesText(saved.sizes)}: leave other sizes away`);
  }
}

function engineOptions(given: Arguments): Partial<EngineOptions> {
  const decoder = given.text('decoder');
  if (decoder !== undefined && decoder !== 'fused' && decoder !== 'layered')
    throw new UsageError(`--decoder must be fused or layered, but it is "${decoder}"`);
  const { tokens, threads } = FUSED_SIZES;
  const upTo = (name: string, fallback: number, max: number): number =>
    given.number(name, fallback, { min: 1, max, integer: true });
  const fused = {
    ...FUSED_SIZES,
    tokens: upTo('fused-tokens', tokens, 256),
    threads: 64 * Math.ceil(upTo('fused-threads', threads, 1024) / 64),
  };
  return { ...(decoder && { decoder }), fused };
}
