// The sections of the Learn page, in reading order.
export const SECTIONS = [
  {
    id: 'aha',
    title: 'The aha',
    promise: 'What DeepSeek saw in R1-Zero, what you see here, and what the word “emergent” may claim.',
  },
  {
    id: 'zero',
    title: 'R1-Zero and R1',
    promise: 'RL alone makes it right; a little clean data first makes it readable as well.',
  },
  {
    id: 'critic',
    title: 'Without a critic',
    promise: 'GRPO, PPO, RLOO and REINFORCE on the same task, with what each gains and costs.',
  },
  {
    id: 'formula',
    title: 'The formula',
    promise:
      'GRPO’s objective, symbol by symbol: what each means, what it is in this step, and the line that computes it.',
  },
  {
    id: 'pipeline',
    title: 'The four stages',
    promise: 'How R1 was made, stage by stage; leave one out, or change the order.',
  },
  {
    id: 'distill',
    title: 'Distillation',
    promise: 'Small models learn faster from a large one than by themselves.',
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
