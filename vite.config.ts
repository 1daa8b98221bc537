import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';

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

/**
 * Everything comes from the page's own origin. Small files of a model are `data:` addresses in the script that fetches them. Whether
 * the page may stand in an iframe is the server's to say: a <meta> cannot hold frame-ancestors.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' data:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The policy in the built page. A worker obeys only the header of its own script, which is the server's to send, as `vite preview` does. */
const contentSecurityPolicy: Plugin = {
  name: 'content-security-policy',
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: CONTENT_SECURITY_POLICY },
      injectTo: 'head-prepend',
    },
  ],
};

/** After the first visit the page works offline, models and recorded runs included; the WebAssembly of onnxruntime once it was used. */
const offline = VitePWA({
  registerType: 'prompt', // a new version must not take away a run
  injectRegister: false,
  manifest: {
    name: 'GRPO Playground',
    short_name: 'GRPO',
    description: 'Watch a tiny transformer teach itself to say wait: GRPO, live on your own GPU, in the browser.',
    background_color: '#faf9f5',
    theme_color: '#faf9f5',
    icons: [
      { src: 'icons/icon.svg', type: 'image/svg+xml', sizes: 'any' },
      { src: 'icons/icon-192.png', type: 'image/png', sizes: '192x192' },
      { src: 'icons/icon-512.png', type: 'image/png', sizes: '512x512' },
      { src: 'icons/icon-maskable-512.png', type: 'image/png', sizes: '512x512', purpose: 'maskable' },
    ],
  },
  workbox: {
    globPatterns: ['**/*.{html,js,css,svg,png,json,safetensors}'],
    globIgnores: ['cli/**', 'library/**'], // other builds that lie in the same folder
    maximumFileSizeToCacheInBytes: 4 * 2 ** 20,
    ignoreURLParametersMatching: [/./], // the settings in the address are the page's to read
    clientsClaim: true, // so that what the first visit loads later is kept too
    cleanupOutdatedCaches: true,
    inlineWorkboxRuntime: true,
    runtimeCaching: [
      {
        urlPattern: /\.wasm$/,
        handler: 'CacheFirst',
        options: { cacheName: 'wasm', expiration: { maxEntries: 1 } },
      },
    ],
  },
});

export default defineConfig({
  base: './', // the build works from any folder of any server
  appType: 'mpa', // one page without routes: a file that is not there is not answered with the page
  resolve: { alias: onnxruntimeOnce },
  plugins: [svelte({ configFile: false }), noCycles, contentSecurityPolicy, offline],
  worker: { format: 'es', plugins: () => [noCycles] },
  preview: { headers: { 'Content-Security-Policy': CONTENT_SECURITY_POLICY } },
});
