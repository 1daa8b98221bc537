// Lets ESLint's import rules see through components: they look for imports at the top of a module, where Svelte's parser
// puts a script element. This parser puts the script's statements there. It is used for imported files, not for linting.
import { parseForESLint as parse } from 'svelte-eslint-parser';

/**
 * @param {string} code
 * @param {object} options
 */
export function parseForESLint(code, options) {
  const parsed = parse(code, options);
  const body = parsed.ast.body.flatMap((node) => (node.type === 'SvelteScriptElement' ? node.body : []));
  return { ...parsed, ast: { ...parsed.ast, body } };
}
