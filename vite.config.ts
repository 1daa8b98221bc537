import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

/** Modules that import each other in a circle fail the build, unless they are a dependency's. */
export const noCycles: Plugin = {
  name: 'no-cycles',
  apply: 'build',
  options: (options) => ({ ...options, checks: { ...options.checks, circularDependency: true } }),
  onLog(_level, log) {
    if (log.code !== 'CIRCULAR_DEPENDENCY') return;
    if (!log.message.includes('node_modules')) throw new Error(log.message);
    return false;
  },
};

/** One onnxruntime for our code and for transformers.js: its WebAssembly build, half the size and, for models this small, the faster one. */
export const onnxruntimeOnce = [{ find: /^onnxruntime-web(\/webgpu)?$/, replacement: 'onnxruntime-web/wasm' }];

export default defineConfig({
  base: './', // the build works from any folder of any server
  resolve: { alias: onnxruntimeOnce },
  plugins: [svelte({ configFile: false }), noCycles],
  worker: { format: 'es', plugins: () => [noCycles] },
});
