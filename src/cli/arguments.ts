// Options of a command: `--name value` or `--name=value`, or a switch `--name`, each at most once, checked by name and kind.
import { parseArgs } from 'node:util';
import { parseOption, resolveOptions, type GrpoOptions } from '../grpo/options.ts';

/** The command line, or a file that it names, is not what the command takes. */
export class UsageError extends Error {
  override readonly name = 'usage';
}

export class Arguments {
  readonly #values = new Map<string, string[]>();
  /** Standard output is to hold JSON lines and nothing else. */
  readonly json: boolean;

  /** `names` are the options that take a value, of which `set` may come more than once; every command takes the switch `--json`. */
  constructor(args: readonly string[], names: readonly string[], switches: readonly string[] = []) {
    const kind = (type: 'string' | 'boolean') => (name: string) => [name, { type }] as const;
    const options = Object.fromEntries([...names.map(kind('string')), ...[...switches, 'json'].map(kind('boolean'))]);
    const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
    for (const token of tokens) {
      if (token.kind !== 'option') {
        throw new UsageError(`expected an option, but got "${token.kind === 'positional' ? token.value : '--'}"`);
      }
      const { name, rawName, value } = token;
      if (!Object.hasOwn(options, name)) {
        const known = Object.keys(options).map((option) => `--${option}`);
        throw new UsageError(`there is no option ${rawName}; this command takes ${known.join(', ')}`);
      }
      const isSwitch = options[name]?.type === 'boolean';
      if (isSwitch && value !== undefined) throw new UsageError(`--${name} takes no value`);
      if (!isSwitch && value === undefined) throw new UsageError(`--${name} needs a value`);
      const before = this.#values.get(name) ?? [];
      if (before.length > 0 && name !== 'set') throw new UsageError(`--${name} may come only once`);
      this.#values.set(name, [...before, value ?? '']);
    }
    this.json = this.has('json');
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
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
    const value = text.trim() === '' ? NaN : Number(text);
    const { min, max, integer = false } = accepts;
    if (!(value >= min && value <= max) || (integer && !Number.isInteger(value))) {
      const kind = integer ? 'a whole number' : 'a number';
      throw new UsageError(`--${name} must be ${kind} from ${min} to ${max}, but it is "${text}"`);
    }
    return value;
  }

  seed(fallback = 1): number {
    return this.number('seed', fallback, { min: 0, max: 0xffffffff, integer: true });
  }

  /** The texts of every `--set`, in their order. */
  get sets(): readonly string[] {
    return this.#values.get('set') ?? [];
  }

  /** The options of `--set name=value`, over `base`. Throws bad-settings for an unknown option or a value out of its range. */
  options(base: Partial<GrpoOptions> = {}): GrpoOptions {
    const given = new Map<string, unknown>();
    for (const pair of this.sets) {
      const [name = '', value] = pair.split(/=(.*)/s);
      if (name === '' || value === undefined) throw new UsageError(`--set takes name=value, but it is "${pair}"`);
      if (given.has(name)) throw new UsageError(`--set ${name} may come only once`);
      given.set(name, parseOption(name, value));
    }
    return resolveOptions({ ...base, ...Object.fromEntries(given) });
  }
}
