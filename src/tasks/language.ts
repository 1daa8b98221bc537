// The words of a thought in two languages: wait, no and yes, and 等, 不 and 对. Numbers and operators belong to neither.
import type { Random } from '../base/random.ts';

export const LANGUAGES = ['english', 'chinese'] as const;
export type Language = (typeof LANGUAGES)[number];

interface Words {
  readonly wait: string;
  readonly no: string;
  readonly yes: string;
}

/** Each word is one token. */
export const WORDS: Readonly<Record<Language, Words>> = {
  english: { wait: ' wait ', no: ' no', yes: ' yes' },
  chinese: { wait: '等', no: '不', yes: '对' },
};

/** The language that thoughts should be written in where one is asked for. */
export const TARGET_LANGUAGE: Language = 'english';

const MEANINGS = ['wait', 'no', 'yes'] as const;
const WORD_OF = new Map(
  LANGUAGES.flatMap((language) =>
    MEANINGS.map((meaning) => [WORDS[language][meaning], { language, meaning }] as const),
  ),
);
const ANY_WORD = new RegExp([...WORD_OF.keys()].join('|'), 'gu');

/** The language of every word of the thought, in order. */
export function languagesOf(completion: string): Language[] {
  const thought = completion.split(/<\/think>|<eos>/u, 1)[0] ?? '';
  return (thought.match(ANY_WORD) ?? []).map((word) => WORD_OF.get(word)!.language);
}

/** The thought uses words of both languages. */
export function mixesLanguages(completion: string): boolean {
  return new Set(languagesOf(completion)).size > 1;
}

/**
 * Language consistency as DeepSeek-R1 rewards it (arXiv:2501.12948, section 2.3.2): the proportion of the thought's words that
 * are in the target language. A thought without words has none in it, so that silence earns nothing.
 */
export function targetLanguageShare(completion: string): number {
  const languages = languagesOf(completion);
  return languages.filter((language) => language === TARGET_LANGUAGE).length / Math.max(1, languages.length);
}

/** As a writer at home in both languages puts it: begins in either, and before each later word changes with probability `switching`. */
export function inTwoLanguages(random: Random, completion: string, switching: number): string {
  let language = random.pick(LANGUAGES);
  let first = true;
  return completion.replaceAll(ANY_WORD, (word) => {
    if (!first && random.unit() < switching) language = language === 'english' ? 'chinese' : 'english';
    first = false;
    return WORDS[language][WORD_OF.get(word)!.meaning];
  });
}
