// `--set stage.name=value` for settings of several levels: `reasoning-rl.beta=0.02` sets what is called beta in that stage, however
// deep it lies; `distill.student.epochs=6` says where. A value is read as what it replaces: a number, a text, or a list of either
// with commas.
import { UsageError } from './arguments.ts';

type Tree = Record<string, unknown>;

/** A copy of the settings with the value in place. Throws UsageError for a name that there is not, or a value of another kind. */
export function override<Settings extends object>(settings: Settings, pair: string): Settings {
  const copy = structuredClone(settings);
  const [path = '', text] = pair.split(/=(.*)/s);
  const names = path.split('.');
  const name = names.pop() ?? '';
  const branch = names.reduce<unknown>(
    (tree, key) => (isTree(tree) && Object.hasOwn(tree, key) ? tree[key] : null),
    copy,
  );
  if (text === undefined || names.length === 0 || !isTree(branch)) {
    const stages = Object.entries(settings).flatMap(([key, value]) => (isTree(value) ? [key] : []));
    throw new UsageError(`--set takes stage.name=value, the stage one of ${stages.join(', ')}, but it is "${pair}"`);
  }
  const owner = holderOf(branch, name);
  if (!owner) {
    const known = [...new Set(leaves(branch))].join(', ');
    throw new UsageError(`--set takes a setting of ${names.join('.')}, ${known}, but it is "${name}"`);
  }
  const before = owner[name];
  owner[name] = Array.isArray(before)
    ? text.split(',').map((part) => readAs(before[0], part, path))
    : readAs(before, text, path);
  return copy;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function holderOf(tree: Tree, name: string): Tree | undefined {
  if (Object.hasOwn(tree, name) && !isTree(tree[name])) return tree;
  return Object.values(tree)
    .filter(isTree)
    .map((branch) => holderOf(branch, name))
    .find((holder) => holder !== undefined);
}

function leaves(tree: Tree): string[] {
  return Object.entries(tree).flatMap(([name, value]) => (isTree(value) ? leaves(value) : [name]));
}

/** A value that may be missing, null, is a number. */
function readAs(before: unknown, text: string, path: string): unknown {
  if (typeof before === 'string') return text;
  if (typeof before === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  const value = text.trim() === '' ? NaN : Number(text);
  if (typeof before === 'boolean' || !Number.isFinite(value)) {
    const kind = typeof before === 'boolean' ? 'true or false' : 'a number';
    throw new UsageError(`--set ${path} must be ${kind}, but it is "${text}"`);
  }
  return value;
}
