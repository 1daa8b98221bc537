// The tokenizer in Hugging Face's files: a WordLevel vocabulary behind a split into symbols. tokenizers (Rust) and transformers.js give
// the same ids with it as src/tasks/tokenizer.ts does.
import type { ModelConfig } from '../engine/config.ts';
import { Tokenizer } from '../tasks/tokenizer.ts';
import { badCheckpoint, isObject, show, type JsonObject } from './untrusted.ts';

/** By Hugging Face's names; every vocabulary must have them. */
export const SPECIAL_TOKENS = { pad_token: '<pad>', bos_token: '<bos>', eos_token: '<eos>' } as const;
const UNKNOWN = '<unk>';
const LONGEST_SYMBOL = 32;

export function tokenizerJson({ symbols }: Tokenizer): JsonObject {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: symbols.flatMap((content, id) => (isBracketed(content) ? [addedToken(content, id)] : [])),
    normalizer: null,
    pre_tokenizer: { type: 'Split', pattern: { Regex: splitPattern(symbols) }, behavior: 'Isolated', invert: false },
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(symbols.map((symbol, id) => [symbol, id])),
      unk_token: UNKNOWN,
    },
  };
}

export function tokenizerConfigJson(config: ModelConfig): JsonObject {
  return {
    tokenizer_class: 'PreTrainedTokenizer',
    model_max_length: config.maxPositions,
    padding_side: 'left', // a batch of prompts ends where the completions begin
    clean_up_tokenization_spaces: false,
    model_input_names: ['input_ids', 'attention_mask'],
    ...SPECIAL_TOKENS,
    unk_token: UNKNOWN,
  };
}

/** Samples as training does. */
export function generationConfigJson(config: ModelConfig, tokenizer: Tokenizer): JsonObject {
  return {
    bos_token_id: tokenizer.id('<bos>'),
    eos_token_id: tokenizer.id('<eos>'),
    pad_token_id: tokenizer.id('<pad>'),
    do_sample: true,
    temperature: 1,
    top_k: 0,
    top_p: 1,
    max_length: config.maxPositions,
  };
}

/**
 * Any list of `vocabSize` symbols in the layout that `tokenizerJson` writes.
 * Throws bad-checkpoint for another layout, saying where it differs.
 */
export function readTokenizer(json: JsonObject, vocabSize: number): Tokenizer {
  const model = isObject(json['model']) ? json['model'] : {};
  const vocabulary = model['vocab'];
  if (model['type'] !== 'WordLevel' || !isObject(vocabulary)) {
    throw badCheckpoint(
      `tokenizer.json: model must be a WordLevel with a vocab, but its type is ${show(model['type'])}`,
    );
  }
  const entries = Object.entries(vocabulary);
  if (entries.length !== vocabSize) {
    throw badCheckpoint(
      `tokenizer.json: vocab must hold ${vocabSize} symbols, the vocab_size of config.json, but it holds ${entries.length}`,
    );
  }
  const symbols: string[] = [];
  for (const [symbol, id] of entries) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= vocabSize || symbols[id] !== undefined) {
      throw badCheckpoint(
        `tokenizer.json: the ids of vocab must be 0 to ${vocabSize - 1}, each once, but ${show(symbol)} has ${show(id)}`,
      );
    }
    if (symbol === '' || symbol.length > LONGEST_SYMBOL) {
      throw badCheckpoint(
        `tokenizer.json: every symbol of vocab must have 1 to ${LONGEST_SYMBOL} characters, but one is ${show(symbol)}`,
      );
    }
    symbols[id] = symbol;
  }
  for (const symbol of [...Object.values(SPECIAL_TOKENS), UNKNOWN]) {
    if (!symbols.includes(symbol)) throw badCheckpoint(`tokenizer.json: vocab must hold ${symbol}, but it does not`);
  }
  checkLayout(json, symbols);
  return new Tokenizer(symbols);
}

function checkLayout(json: JsonObject, symbols: readonly string[]): void {
  const expect = (what: string, value: unknown, expected: unknown): void => {
    if (value !== expected)
      throw badCheckpoint(`tokenizer.json: ${what} must be ${show(expected)}, but it is ${show(value)}`);
  };
  const part = (owner: JsonObject, name: string): JsonObject => (isObject(owner[name]) ? owner[name] : {});
  const split = part(json, 'pre_tokenizer');
  expect('normalizer', json['normalizer'] ?? null, null);
  const template = part(json, 'post_processor');
  const addsTokens =
    template['type'] !== 'TemplateProcessing' || Object.keys(part(template, 'special_tokens')).length > 0;
  if (addsTokens) expect('post_processor', json['post_processor'] ?? null, null); // transformers saves a template of nothing for none
  expect('pre_tokenizer.type', split['type'], 'Split');
  expect('pre_tokenizer.pattern.Regex', part(split, 'pattern')['Regex'], splitPattern(symbols));
  expect('pre_tokenizer.behavior', split['behavior'], 'Isolated');
  expect('pre_tokenizer.invert', split['invert'] ?? false, false);
  expect('decoder.type', part(json, 'decoder')['type'], 'Fuse');

  const added = json['added_tokens'] ?? [];
  if (!Array.isArray(added))
    throw badCheckpoint(`tokenizer.json: added_tokens must be a list, but it is ${show(added)}`);
  for (const token of added as unknown[]) {
    const { id, content } = isObject(token) ? token : {};
    if (typeof id !== 'number' || typeof content !== 'string' || symbols[id] !== content) {
      throw badCheckpoint(
        `tokenizer.json: added_tokens must be symbols of vocab under the same id, but one is ${show(content)} with id ${show(id)}`,
      );
    }
  }
}

/** `<think>` and `</think>` are text: `skip_special_tokens` must keep them. */
function addedToken(content: string, id: number): JsonObject {
  const special = !/^<\/?think>$/.test(content);
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}

function isBracketed(symbol: string): boolean {
  return /^<.+>$/.test(symbol);
}

/** The longer symbols first, else any one character; read alike by Oniguruma (Rust) and JavaScript. */
function splitPattern(symbols: readonly string[]): string {
  const long = symbols.filter((symbol) => Array.from(symbol).length > 1).sort((a, b) => b.length - a.length);
  return [...long.map((symbol) => symbol.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')), '[\\s\\S]'].join('|');
}
