// Files from elsewhere: JSON that may be anything, and how to say what came instead of what was expected.
import { PlaygroundError } from '../base/errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export function badCheckpoint(message: string, cause?: unknown): PlaygroundError {
  return new PlaygroundError('bad-checkpoint', message, cause === undefined ? undefined : { cause });
}

/** Far more than any JSON object here has. */
const MOST_JSON_BYTES = 2 ** 20;

/**
 * A JSON object from UTF-8. Throws bad-checkpoint, naming `file`, for anything else, also for a key written twice, for `__proto__` as
 * a key and for more than a megabyte.
 */
export function parseJsonObject(file: string, bytes: Uint8Array): JsonObject {
  if (bytes.length > MOST_JSON_BYTES)
    throw badCheckpoint(`${file} must have at most ${MOST_JSON_BYTES} bytes, but it has ${bytes.length}`);
  return parseObject(file, decode(file, bytes));
}

/** A JSON object from every line. Throws bad-checkpoint as `parseJsonObject` does, with the number of the line. */
export function parseJsonLines(file: string, bytes: Uint8Array): JsonObject[] {
  const lines = decode(file, bytes).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, index) => parseObject(`line ${index + 1} of ${file}`, line));
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unparsed(file, cause);
  }
}

function parseObject(file: string, text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unparsed(file, cause);
  }
  if (!isObject(value)) throw badCheckpoint(`${file} must be a JSON object, but it is ${show(value)}`);
  const { twice, prototype } = faultyKeys(text);
  if (twice !== null) throw badCheckpoint(`${file} must name everything once, but it has ${show(twice)} twice`);
  if (prototype) throw badCheckpoint(`${file} must not hold the key "__proto__"`);
  return value;
}

function unparsed(file: string, cause: unknown): PlaygroundError {
  return badCheckpoint(
    `${file} must be JSON in UTF-8, but it cannot be parsed; it may be damaged or incomplete`,
    cause,
  );
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value for a message: short, whatever it is. */
export function show(value: unknown): string {
  if (Array.isArray(value)) {
    const items = value.slice(0, 4).map((item: unknown) => (Array.isArray(item) ? 'a list' : show(item)));
    return `[${items.join(', ')}${value.length > 4 ? ', ...' : ''}]`;
  }
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}...` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return 'an object';
}

/** The first key that one object of a valid JSON text holds twice: JSON.parse would silently keep the last; and whether one is `__proto__`. */
function faultyKeys(text: string): { twice: string | null; prototype: boolean } {
  let twice: string | null = null;
  let prototype = false;
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{' || character === '[') open.push(new Set());
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const start = at++;
      while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
      let next = at + 1;
      while (/\s/.test(text.charAt(next))) next++;
      if (text[next] !== ':') continue;
      const key = JSON.parse(text.slice(start, at + 1)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) twice ??= key;
      keys?.add(key);
      prototype ||= key === '__proto__';
    }
  }
  return { twice, prototype };
}
