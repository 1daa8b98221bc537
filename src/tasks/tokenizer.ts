// Text to token ids and back: one fixed vocabulary for all tasks, one token a symbol.
import { PlaygroundError } from '../base/errors.ts';

/** In id order. `等 不 对` are wait, no and yes of the second language. */
export const VOCABULARY = [
  '<pad>', '<bos>', '<eos>', '<unk>', '<think>', '</think>', ' wait ', ' no', ' yes',
  '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '-', '*', '=', '>', ',', '等', '不', '对',
] as const; // prettier-ignore

/** Splits greedily on the longest symbol; ids index `symbols`. */
export class Tokenizer {
  readonly symbols: readonly string[];
  readonly #idOf: ReadonlyMap<string, number>;
  readonly #pattern: RegExp;

  constructor(symbols: readonly string[] = VOCABULARY) {
    this.symbols = symbols;
    this.#idOf = new Map(symbols.map((symbol, id) => [symbol, id]));
    const escaped = [...symbols]
      .sort((a, b) => b.length - a.length)
      .map((symbol) => symbol.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    this.#pattern = new RegExp(`${escaped.join('|')}|[^]`, 'gu');
  }

  /** The id of one symbol. Throws bad-settings for a symbol outside the vocabulary. */
  id(symbol: string): number {
    const id = this.#idOf.get(symbol);
    if (id === undefined)
      throw new PlaygroundError(
        'bad-settings',
        `"${symbol}" is not in the vocabulary; it has: ${this.symbols.join(' ')}`,
      );
    return id;
  }

  /** Throws bad-settings for a character outside the vocabulary. `<bos>` is not added. */
  encode(text: string): number[] {
    return (text.match(this.#pattern) ?? []).map((symbol) => this.id(symbol));
  }

  decode(ids: readonly number[]): string {
    return ids.map((id) => this.symbols[id] ?? '<unk>').join('');
  }
}
