// What a person typed as a problem: the prompt that it means, or what is wrong with it.
import type { Task } from '../../tasks/task.ts';

export type Problem =
  { readonly prompt: string; readonly fault: null } | { readonly prompt: null; readonly fault: string };

/** Spaces do not count, and the `<think>` that ends a prompt may be left out. */
export function readProblem(task: Task, text: string): Problem {
  const written = text
    .replace(/\s/gu, '')
    .replace(/^<bos>/u, '')
    .replace(/<think>$/u, '');
  const fault = (message: string): Problem => ({ prompt: null, fault: message });
  if (written === '') return fault(`type a problem such as ${exampleOf(task)}, or draw one`);
  const known = task.tokenizer.symbols.filter((symbol) => symbol.length === 1);
  const unknown = [...new Set(written)].filter((character) => !known.includes(character));
  if (unknown.length > 0) {
    const names = unknown.map((character) => `“${character}”`).join(', ');
    return fault(
      `${names} ${unknown.length === 1 ? 'is no token' : 'are no tokens'} of the model: a problem is written like ${exampleOf(task)}`,
    );
  }
  const prompt = `${written}<think>`;
  if (task.owns(prompt)) return { prompt, fault: null };
  try {
    task.describe(prompt);
  } catch (error) {
    return fault((error as Error).message.replaceAll('<think>', ''));
  }
  return fault(`that is no problem of ${task.title}`);
}

/** As a person types it. */
export function exampleOf(task: Task): string {
  return withoutThink(task.heldOut[0] ?? '');
}

export function withoutThink(prompt: string): string {
  return prompt.replace(/<think>$/u, '');
}
