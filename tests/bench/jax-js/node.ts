// The comparison without a browser: in Node through Dawn, from the npm package `webgpu` or from the file that DAWN_NODE names.
import { createRequire } from 'node:module';
import { compare, workloadOf, type Comparison } from './compare.ts';

interface Dawn {
  readonly create: (flags: string[]) => GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

const file = process.env['DAWN_NODE'];
const dawn = (file ? createRequire(import.meta.url)(file) : await import('webgpu')) as Dawn;

/** Needs Node 22, or `node --harmony-iterator-helpers`: jax-js uses the helpers of iterators. */
export function compareInNode(query: string, progress: (text: string) => void): Promise<Comparison> {
  // Both engines look for the GPU where browsers have it, and jax-js reads the browser's name.
  const navigator = { gpu: dawn.create([]), userAgent: 'node' };
  Object.assign(globalThis, dawn.globals);
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  return compare(workloadOf(query), progress);
}
