// The table of the R1 story over several seeds, a file beside the page that the project's own command makes.
import type { StoryTable } from '../../../worker/experiment-client.ts';
import type { FigureTable } from '../parts/figure.ts';
import type { ScoreColumn } from './scores.ts';

let loading: Promise<StoryTable | null> | undefined;

/** Null where there is no such file, or another one; a server may answer a missing file with a page. */
export function loadStory(): Promise<StoryTable | null> {
  return (loading ??= fetchStory());
}

async function fetchStory(): Promise<StoryTable | null> {
  try {
    const response = await fetch('./story.json');
    if (!response.ok) return null;
    const table = (await response.json()) as Partial<StoryTable> | null;
    return [table?.seeds, table?.models, table?.estimators].every(Array.isArray) ? (table as StoryTable) : null;
  } catch {
    return null;
  }
}

/** A model's figures on countdown; undefined where it was not measured. */
export function measured({ models }: StoryTable, model: string): StoryTable['models'][number]['scores']['countdown'] {
  return models.find((row) => row.model === model)?.scores.countdown;
}

/** The mean, with the lowest and the highest where they differ as shown. */
export function showSpread(
  { mean, least, most }: { readonly mean: number; readonly least: number; readonly most: number },
  format: (value: number) => string,
): string {
  const [low, high] = [format(least), format(most)];
  return low === high ? format(mean) : `${format(mean)} (${low}–${high})`;
}

/** On countdown: the mean over the seeds, with the lowest and the highest where they differ as shown. */
export function storyRows(
  table: StoryTable,
  names: Readonly<Record<string, string>>,
  columns: readonly ScoreColumn[],
): FigureTable {
  const rows = Object.entries(names).flatMap(([model, name]) => {
    const scores = measured(table, model);
    if (!scores) return [];
    return [[name, ...columns.map(({ score, format }) => showSpread(scores[score], format))]];
  });
  return { head: ['model', ...columns.map(({ label }) => label)], rows };
}
