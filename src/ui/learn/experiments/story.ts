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
    return Array.isArray(table?.seeds) && Array.isArray(table.models) ? (table as StoryTable) : null;
  } catch {
    return null;
  }
}

/** On countdown: the mean over the seeds, with the lowest and the highest where they differ as shown. */
export function storyRows(
  { models }: StoryTable,
  names: Readonly<Record<string, string>>,
  columns: readonly ScoreColumn[],
): FigureTable {
  const rows = Object.entries(names).flatMap(([model, name]) => {
    const scores = models.find((row) => row.model === model)?.scores.countdown;
    if (!scores) return [];
    const cells = columns.map(({ score, format }) => {
      const { mean, least, most } = scores[score];
      const [low, high] = [format(least), format(most)];
      return low === high ? format(mean) : `${format(mean)} (${low} to ${high})`;
    });
    return [[name, ...cells]];
  });
  return { head: ['model', ...columns.map(({ label }) => label)], rows };
}
