// Bundles the library into one file, dist/library/index.js, shaders included, without dependencies. Its types, a file for each of
// the source, are made by tsc from tsconfig.json beside this.
import { defineConfig } from 'vite';
import { noCycles } from '../../vite.config.ts';

export default defineConfig({
  publicDir: false,
  plugins: [noCycles],
  build: {
    lib: { entry: 'src/library/index.ts', formats: ['es'], fileName: 'index' },
    outDir: 'dist/library',
    target: 'es2022',
    minify: false,
  },
});
