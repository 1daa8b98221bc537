import svelte from 'eslint-plugin-svelte';
import { defineConfig, globalIgnores } from 'eslint/config';
import globals from 'globals';
import ts from 'typescript-eslint';

// Imports point one way: each room of src/ lists the rooms, or the files, that it may import from.
const ARROWS = {
  base: [],
  engine: ['base'],
  tasks: ['engine', 'base'],
  grpo: ['engine', 'base'],
  recipes: ['tasks', 'grpo', 'engine', 'base'],
  export: ['tasks', 'grpo', 'engine', 'base'],
  worker: ['recipes', 'export', 'tasks', 'grpo', 'engine', 'base'],
  inference: ['worker/models.ts', 'export', 'tasks', 'grpo', 'engine', 'base'],
  ui: [
    'worker/client.ts',
    'worker/benchmark-client.ts',
    'worker/experiment-client.ts',
    'worker/protocol.ts',
    'inference/client.ts',
    'inference/parity-client.ts',
    'inference/votes.ts',
    'recipes/presets.ts',
    'grpo/options.ts',
    'tasks',
    'base',
  ],
  library: ['recipes', 'export', 'tasks', 'grpo', 'engine', 'base'],
  cli: ['recipes', 'export', 'tasks', 'grpo', 'engine', 'base'],
};

const arrows = Object.entries(ARROWS).map(([room, others]) => {
  const allowed = [room, ...others];
  const wrong = String.raw`^(\.\./)+(?=(${[...Object.keys(ARROWS), 'tests'].join('|')})/)(?!(${allowed.join('|')})(/|$))`;
  const message = `src/${room} may import only from ${allowed.join(', ')}.`;
  return {
    files: [`src/${room}/**`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: wrong, message }] }],
      'no-restricted-syntax': [
        'error',
        { selector: `ImportExpression[source.value=/${wrong.replaceAll('/', String.raw`\/`)}/]`, message },
      ],
    },
  };
});

export default defineConfig(
  globalIgnores(['dist/', 'models/', 'public/', 'test-results/', 'src/export/**/*_pb.*']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ts.configs.strictTypeChecked,
  svelte.configs.recommended,
  {
    languageOptions: {
      globals: { ...globals.browser, ...globals.node },
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.svelte'],
        parser: ts.parser,
      },
    },
    rules: {
      eqeqeq: 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // Numbers in messages are the rule here: shapes, steps, tokens.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Texts here are made of the tokens' ASCII characters.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // The index was checked by the loop's bound; noUncheckedIndexedAccess cannot see that.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  arrows,

  {
    // What another component exports is `any` to ESLint; svelte-check knows its type.
    files: ['**/*.svelte'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  // The typed rules do not see JSDoc casts; tsc checks these files.
  { files: ['**/*.mjs', '**/*.js'], extends: [ts.configs.disableTypeChecked] },
);
