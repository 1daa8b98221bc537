// The sections of the Learn page, in reading order.
export const SECTIONS = [
  {
    id: 'aha',
    title: 'The aha',
    promise: 'What DeepSeek saw in R1-Zero, what you see here, and what the word “emergent” may claim.',
  },
  {
    id: 'formula',
    title: 'The formula',
    promise:
      'GRPO’s objective, symbol by symbol: what each means, what it is in this step, and the line that computes it.',
  },
  {
    id: 'benchmarks',
    title: 'The benchmarks',
    promise: 'How R1 compared, what the tests ask, and how the models of this page do at their own.',
  },
  { id: 'faq', title: 'Questions people ask', promise: 'Short answers, with where to look for yourself.' },
  { id: 'quiz', title: 'Predict, then run', promise: 'Say what will happen, then let your GPU decide.' },
] as const;

export type SectionId = (typeof SECTIONS)[number]['id'];

/** The first section where the address names none, or none that there is. */
export function findSection(name: string): (typeof SECTIONS)[number] {
  return SECTIONS.find(({ id }) => id === name) ?? SECTIONS[0];
}
