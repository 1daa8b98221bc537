// Sequences of different lengths, packed row after row: no row is padding. A sequence of n tokens has n - 1 rows; the row of
// token t predicts token t + 1.
import { PlaygroundError } from '../base/errors.ts';

/** A prompt and its completion as token ids. */
export interface Sequence {
  readonly ids: readonly number[];
  /** Tokens of the prompt; the others are the completion, and only they have targets. */
  readonly promptLength: number;
}

/** The target of a row that predicts nothing that counts. */
export const NO_TARGET = 0xffffffff;

/** Whole sequences of a step that are treated together, and where they stand in it. */
export interface Batch {
  readonly rows: number;
  /** Row 0 of this batch among the rows of the whole step. */
  readonly rowOffset: number;
  readonly sequences: readonly Sequence[];
  /** The number of its first sequence in the step. */
  readonly firstSequence: number;
}

/** What the kernels read of a batch. N rows. */
export interface RowTables {
  /** [N] token ids. */
  readonly ids: Uint32Array;
  /** [N] positions in the sequence. */
  readonly positions: Uint32Array;
  /** [N, 2] first row and end row of the row's sequence, in this batch. */
  readonly spans: Uint32Array;
  /** [N, 2] target token or NO_TARGET, and the number of the sequence in the step. */
  readonly labels: Uint32Array;
}

/** Packs whole sequences, in order, into batches of 1 to `maxRows` rows; an empty sequence takes none. Throws bad-settings for a sequence that fits in none. */
export function packBatches(sequences: readonly Sequence[], maxRows: number): Batch[] {
  const batches: Batch[] = [];
  let first = 0;
  let rowOffset = 0;
  while (first < sequences.length) {
    let end = first;
    let rows = 0;
    for (; end < sequences.length; end++) {
      const length = rowsOf(sequences[end] as Sequence);
      if (length > maxRows) {
        throw new PlaygroundError(
          'bad-settings',
          `a sequence has ${length + 1} tokens, but a batch holds ${maxRows + 1}`,
        );
      }
      if (rows + length > maxRows) break;
      rows += length;
    }
    if (rows > 0) batches.push({ rows, rowOffset, sequences: sequences.slice(first, end), firstSequence: first });
    rowOffset += rows;
    first = end;
  }
  return batches;
}

function rowsOf(sequence: Sequence): number {
  return Math.max(0, sequence.ids.length - 1);
}

export function rowTables({ rows, sequences, firstSequence }: Batch): RowTables {
  const ids = new Uint32Array(rows);
  const positions = new Uint32Array(rows);
  const spans = new Uint32Array(rows * 2);
  const labels = new Uint32Array(rows * 2);
  let row = 0;
  sequences.forEach((sequence, index) => {
    const length = rowsOf(sequence);
    const start = row;
    for (let t = 0; t < length; t++, row++) {
      ids[row] = sequence.ids[t] as number;
      positions[row] = t;
      spans[row * 2] = start;
      spans[row * 2 + 1] = start + length;
      labels[row * 2] = t + 1 < sequence.promptLength ? NO_TARGET : (sequence.ids[t + 1] as number);
      labels[row * 2 + 1] = firstSequence + index;
    }
  });
  return { ids, positions, spans, labels };
}

/** Rows of all batches of a step. */
export function rowCount(batches: readonly Batch[]): number {
  return batches.reduce((sum, batch) => sum + batch.rows, 0);
}

/** Values of a step's rows by sequence, its completion tokens only, without a copy; 0 for a sequence in no batch. */
export function unpackRows(
  sequences: readonly Sequence[],
  batches: readonly Batch[],
  values: Float32Array,
): Float32Array[] {
  const unpacked = new Map<number, Float32Array>();
  for (const { rowOffset, sequences: packed, firstSequence } of batches) {
    let row = rowOffset;
    packed.forEach((sequence, index) => {
      const end = row + rowsOf(sequence);
      if (end > row) unpacked.set(firstSequence + index, values.subarray(row + sequence.promptLength - 1, end));
      row = end;
    });
  }
  return sequences.map(
    ({ ids, promptLength }, number) => unpacked.get(number) ?? new Float32Array(ids.length - promptLength),
  );
}
