// What can stand in an <iframe> of another page, by the value of `embed` in the address: `?embed=group&preset=first-lesson`.
import { SECTIONS, type SectionId } from '../learn/sections.ts';

const RUN_VIEWS = [
  { id: 'group', title: 'The group', section: null },
  { id: 'curves', title: 'The curves', section: null },
  { id: 'aha', title: 'Has it learnt when to wait?', section: null },
] as const;

export interface EmbeddedView {
  readonly id: string;
  readonly title: string;
  /** Of the Learn page; null for a view of a run. */
  readonly section: SectionId | null;
}

export const VIEWS: readonly EmbeddedView[] = [
  ...RUN_VIEWS,
  ...SECTIONS.map(({ id, title }) => ({ id: `learn/${id}`, title, section: id })),
];

/** The first view where there is none of the name. */
export function findView(id: string): EmbeddedView {
  return VIEWS.find((view) => view.id === id) ?? RUN_VIEWS[0];
}

/** The page in full, with the same settings: what an embedded view leads to. */
export function addressInFull(address: string, { section }: EmbeddedView): string {
  return `./${address ? `?${address}` : ''}${section ? `#learn/${section}` : ''}`;
}

/** Also says how to follow the height of the content: see report-height.ts. */
export function snippet(page: string, address: string, view: EmbeddedView): string {
  const query = `embed=${view.id}${address ? `&${address}` : ''}`.replaceAll('&', '&amp;');
  return `<iframe src="${page}?${query}" title="GRPO Playground: ${view.title}" loading="lazy" style="width: 100%; height: 640px; border: 0"></iframe>
<script>
  // Gives the frame the height of what it shows. Can be left out; then it scrolls.
  addEventListener('message', ({ source, data }) => {
    if (data?.type !== 'grpo-playground-height') return;
    const frame = [...document.querySelectorAll('iframe')].find(({ contentWindow }) => contentWindow === source);
    if (frame) frame.style.height = data.height + 'px';
  });
</script>`;
}
