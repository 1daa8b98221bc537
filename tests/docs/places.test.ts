// Every place that the README and CONTRIBUTING.md name is there, and the tree in the README names every place.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addedTask, blocks, CONTRIBUTING, README, ROOT } from './readme.ts';

const folders = (path: string): string[] =>
  readdirSync(join(ROOT, path), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
const ignored = readFileSync(join(ROOT, '.gitignore'), 'utf8').split(/\/?\n/);
const visible = folders('.').filter((name) => !name.startsWith('.') && !ignored.includes(name));
const roots = ['.ci', '.github', ...visible];
/** The file of the task that the README adds. */
const EXAMPLE = addedTask().file;

describe.each([
  ['README.md', README],
  ['CONTRIBUTING.md', CONTRIBUTING],
])('%s', (file, text) => {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)].map(([, link, picture]) => link ?? picture ?? ''); // prettier-ignore
  const inside = links.filter((link) => !link.startsWith('https://'));

  it('links to what is there', () => {
    expect(inside.length).toBeGreaterThan(3);
    for (const link of inside) {
      const [path = '', anchor] = link.split('#');
      expect(existsSync(join(ROOT, path)), link).toBe(true);
      if (anchor === undefined) continue;
      const target = path === '' ? file : path;
      const headings = [...readFileSync(join(ROOT, target), 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
        title.toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-'),
      ); // prettier-ignore
      expect(headings, link).toContain(anchor);
    }
  });

  it('names files and folders that are there', () => {
    const named = [...text.matchAll(/[\w.-]+(?:\/[\w.-]+)+/g)].map(([path]) => path);
    const ours = named.filter((path) => roots.includes(path.split('/', 1)[0] ?? '') && path !== EXAMPLE);
    expect(ours.length).toBeGreaterThan(10);
    expect(ours.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

describe('the tree in the README', () => {
  const entries = readTree(blocks('text')[0] ?? '');

  it('names what is there', () => {
    const missing = entries.filter(({ path, names }) => !names.every((name) => there(path, name)));
    expect(missing).toEqual([]);
  });

  const whole: [folder: string, present: string[]][] = [
    ['.', roots],
    ['shaders', readdirSync(join(ROOT, 'shaders')).map((file) => file.replace('.wgsl', ''))],
    ['tests', folders('tests').filter((name) => !folders('src').includes(name))],
    ...['src', 'src/ui', 'src/engine', 'src/export', 'src/cli'].map(
      (path) => [path, folders(path)] as [string, string[]],
    ),
  ];
  it.each(whole)('is whole in %s', (folder, present) => {
    const named = entries.filter(({ path }) => path === folder).flatMap(({ names }) => names);
    expect(named.map((name) => name.replace(/\/$/, '')).sort()).toEqual([...present].sort());
  });

  function there(path: string, name: string): boolean {
    return existsSync(join(ROOT, path, path === 'shaders' ? `${name}.wgsl` : name));
  }
});

/** A line names things with two spaces between them, then after at least three says what they are. A folder's lie deeper. */
function readTree(text: string): { readonly path: string; readonly names: readonly string[] }[] {
  const above: string[] = [];
  return text.trimEnd().split('\n').map((line) => {
    const depth = /^ */.exec(line)![0].length / 2;
    const [listed = ''] = line.trim().split(/ {3,}/);
    const names = listed.split('  ');
    above.splice(depth, Infinity, names[0]!.replace(/\/$/, ''));
    return { path: above.slice(0, depth).join('/') || '.', names };
  }); // prettier-ignore
}
