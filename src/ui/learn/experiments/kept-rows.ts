// Rows of experiments, kept in this browser. What cannot be read is dropped; where nothing can be kept, nothing is.
import type { ExperimentName, ExperimentRow } from '../../../worker/experiment-client.ts';

/** A row with what it was measured on. */
export interface KeptRow<Row = ExperimentRow> {
  readonly row: Row;
  readonly adapter: string;
  /** A quick look, in few and small steps. */
  readonly reduced: boolean;
}

const key = (name: ExperimentName): string => `experiment-${name}`;

export function keep(name: ExperimentName, rows: readonly KeptRow[]): void {
  try {
    localStorage.setItem(key(name), JSON.stringify(rows));
  } catch {
    // A private window, or a full storage.
  }
}

export function recall<Row>(name: ExperimentName): KeptRow<Row>[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key(name)) ?? '[]');
    return Array.isArray(kept) ? (kept.filter((item) => isKeptRow(item, name)) as KeptRow<Row>[]) : [];
  } catch {
    return [];
  }
}

export function forget(name: ExperimentName): void {
  try {
    localStorage.removeItem(key(name));
  } catch {
    // Nothing was kept then.
  }
}

function isKeptRow(item: unknown, name: ExperimentName): boolean {
  if (!isRecord(item) || typeof item['adapter'] !== 'string' || typeof item['reduced'] !== 'boolean') return false;
  const { row } = item;
  if (!isRecord(row)) return false;
  if (name === 'estimators') return typeof row['estimator'] === 'string' && numbersIn(row) >= 10;
  const { model, scores, examples, waitPrior, flops } = row;
  if (name === 'wait-priors' && typeof waitPrior !== 'number') return false;
  if (name === 'distill' && typeof flops !== 'number') return false;
  return (
    typeof model === 'string' &&
    Array.isArray(examples) &&
    isRecord(scores) &&
    Object.values(scores).every((score) => isRecord(score) && numbersIn(score) >= 10)
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const numbersIn = (record: Record<string, unknown>): number =>
  Object.values(record).filter((value) => typeof value === 'number').length;
