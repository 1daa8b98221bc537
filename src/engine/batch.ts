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

/** Row tables of one micro-batch, as the kernels read them. N rows. */
export interface Batch {
  readonly rows: number;
  /** Row 0 of this batch among the rows of the whole step. */
  readonly rowOffset: number;
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
    if (rows > 0) batches.push(pack(sequences, first, end, rows, rowOffset));
    rowOffset += rows;
    first = end;
  }
  return batches;
}

function rowsOf(sequence: Sequence): number {
  return Math.max(0, sequence.ids.length - 1);
}

function pack(sequences: readonly Sequence[], first: number, end: number, rows: number, rowOffset: number): Batch {
  const ids = new Uint32Array(rows);
  const positions = new Uint32Array(rows);
  const spans = new Uint32Array(rows * 2);
  const labels = new Uint32Array(rows * 2);
  let row = 0;
  for (let number = first; number < end; number++) {
    const sequence = sequences[number] as Sequence;
    const length = rowsOf(sequence);
    const start = row;
    for (let t = 0; t < length; t++, row++) {
      ids[row] = sequence.ids[t] as number;
      positions[row] = t;
      spans[row * 2] = start;
      spans[row * 2 + 1] = start + length;
      labels[row * 2] = t + 1 < sequence.promptLength ? NO_TARGET : (sequence.ids[t + 1] as number);
      labels[row * 2 + 1] = number;
    }
  }
  return { rows, rowOffset, ids, positions, spans, labels };
}

/** Rows of all batches of a step. */
export function rowCount(batches: readonly Batch[]): number {
  return batches.reduce((sum, batch) => sum + batch.rows, 0);
}

/** Values of a step's rows to one array a sequence, its completion tokens only; 0 for a sequence in no batch. */
export function unpackRows(
  sequences: readonly Sequence[],
  batches: readonly Batch[],
  values: Float32Array,
): Float32Array[] {
  const bySequence = sequences.map(({ ids, promptLength }) => new Float32Array(ids.length - promptLength));
  for (const { rows, rowOffset, labels } of batches) {
    let row = 0;
    while (row < rows) {
      const number = labels[row * 2 + 1] as number;
      const sequence = sequences[number] as Sequence;
      const first = rowOffset + row;
      row += rowsOf(sequence);
      bySequence[number] = values.slice(first + sequence.promptLength - 1, rowOffset + row);
    }
  }
  return bySequence;
}
