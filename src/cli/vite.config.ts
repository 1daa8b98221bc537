// Bundles the commands into one file, dist/cli/grpo.mjs, that needs only Node and Dawn, the npm package `webgpu`.
import { defineConfig } from 'vite';
import { noCycles } from '../../vite.config.ts';

export default defineConfig({
  publicDir: false,
  plugins: [noCycles],
  ssr: { noExternal: true, external: ['webgpu'] },
  build: {
    ssr: 'src/cli/main.ts',
    outDir: 'dist/cli',
    target: 'node20',
    minify: false,
    assetsInlineLimit: () => true,
    rolldownOptions: { output: { entryFileNames: 'grpo.mjs', codeSplitting: false } },
  },
});
