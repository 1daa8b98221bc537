// Options of a command, checked by name and kind.
import { parseArgs } from 'node:util';
import { parseOption, resolveOptions, type GrpoOptions } from '../grpo/options.ts';

/** The command line was wrong. */
export class UsageError extends Error {
  override readonly name = 'usage';
}

/** Text options by name; `--json` and others of `flags` are switches; `--set name=value` may come more than once. */
export class Arguments {
  readonly #values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

  constructor(args: readonly string[], texts: readonly string[], flags: readonly string[] = []) {
    const options = Object.fromEntries([
      ...texts.map((name) => [name, { type: 'string' as const }]),
      ...[...flags, 'json'].map((name) => [name, { type: 'boolean' as const }]),
      ['set', { type: 'string' as const, multiple: true }],
    ]);
    try {
      this.#values = parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
    } catch (cause) {
      throw new UsageError((cause as Error).message.split('\n')[0]);
    }
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw new UsageError(`--${name} is needed`);
    return value;
  }

  number(
    name: string,
    fallback: number,
    accepts: { readonly min: number; readonly max: number; readonly integer?: boolean },
  ): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    const whole = accepts.integer === true && !Number.isInteger(value);
    if (text.trim() === '' || !(value >= accepts.min && value <= accepts.max) || whole) {
      throw new UsageError(
        `--${name} must be ${accepts.integer ? 'a whole number' : 'a number'} from ${accepts.min} to ${accepts.max}, but it is "${text}"`,
      );
    }
    return value;
  }

  seed(): number {
    return this.number('seed', 1, { min: 0, max: 0xffffffff, integer: true });
  }

  /** The options of `--set`, over `base`. */
  options(base: Partial<GrpoOptions> = {}): GrpoOptions {
    const given = (this.#values['set'] ?? []) as string[];
    const pairs = given.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new UsageError(`--set takes name=value, but got "${pair}"`);
      const name = pair.slice(0, at);
      return [name, parseOption(name, pair.slice(at + 1))] as const;
    });
    return resolveOptions({ ...base, ...Object.fromEntries(pairs) });
  }
}
