// The lines of WGSL behind the symbols of the formula, cut from the shaders themselves when the page is built. A line is found by
// a string that stands in it once, so that it cannot point at the wrong one.
import adamw from '../../../../shaders/adamw.wgsl?raw';
import advantage from '../../../../shaders/advantage.wgsl?raw';
import logProb from '../../../../shaders/log-prob.wgsl?raw';
import policyGradient from '../../../../shaders/policy-gradient.wgsl?raw';

const SHADERS = {
  'adamw.wgsl': adamw,
  'advantage.wgsl': advantage,
  'log-prob.wgsl': logProb,
  'policy-gradient.wgsl': policyGradient,
} as const;

export interface Place {
  readonly file: keyof typeof SHADERS;
  /** Stands in exactly one line of the file. */
  readonly search: string;
}

export interface ShaderLine {
  /** From the top of the repository. */
  readonly path: string;
  /** Counts from 1. */
  readonly number: number;
  readonly text: string;
}

/** Throws where the string stands in no line, or in several. */
export function findShaderLine({ file, search }: Place): ShaderLine {
  const lines = SHADERS[file].split('\n');
  const found = lines.flatMap((line, index) => (line.includes(search) ? [index] : []));
  const [index] = found;
  if (index === undefined || found.length > 1) {
    throw new Error(`expected "${search}" in one line of ${file}, but it stands in ${found.length}`);
  }
  return { path: `shaders/${file}`, number: index + 1, text: (lines[index] ?? '').trim() };
}
