// `--set stage.name=value` for settings of several levels: `reasoning-rl.beta=0.02` sets what is called beta in that stage, however
// deep it lies; `distill.student.epochs=6` says where, and `problems=64` is a setting of no stage. A value is read as what it
// replaces: a number, a text, or a list of either with commas.
import { UsageError } from './arguments.ts';

type Tree = Record<string, unknown>;

/** A copy of the settings with the value in place. Throws UsageError for a name that there is not, or a value of another kind. */
export function override<Settings extends object>(settings: Settings, pair: string): Settings {
  const copy = structuredClone(settings);
  const [path = '', text] = pair.split(/=(.*)/s);
  const stages = path.split('.');
  const name = stages.pop() ?? '';
  const branch = stages.reduce<unknown>(
    (tree, stage) => (isTree(tree) && Object.hasOwn(tree, stage) ? tree[stage] : null),
    copy,
  );
  if (text === undefined || !isTree(branch)) {
    const known = Object.keys(settings).filter((key) => isTree((settings as Tree)[key]));
    throw new UsageError(`--set takes stage.name=value, the stage one of ${known.join(', ')}, but it is "${pair}"`);
  }
  const owner = holderOf(branch, name, stages.length > 0);
  if (!owner) {
    const known = [...new Set(leaves(branch, stages.length > 0))].join(', ');
    throw new UsageError(`--set ${[...stages, ''].join('.')}name=value takes a name of ${known}, but it is "${name}"`);
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

/** The branch of the tree, or with `deep` below it, that has a leaf of this name. */
function holderOf(tree: Tree, name: string, deep: boolean): Tree | undefined {
  if (Object.hasOwn(tree, name) && !isTree(tree[name])) return tree;
  const below = deep ? Object.values(tree).filter(isTree) : [];
  return below.map((branch) => holderOf(branch, name, deep)).find((holder) => holder !== undefined);
}

function leaves(tree: Tree, deep: boolean): string[] {
  return Object.entries(tree).flatMap(([name, value]) => {
    if (!isTree(value)) return [name];
    return deep ? leaves(value, deep) : [];
  });
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
