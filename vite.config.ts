import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  base: './', // the build works from any folder of any server
  plugins: [svelte({ configFile: false })],
  worker: { format: 'es' },
});
