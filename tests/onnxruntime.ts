// onnxruntime-web in Node: its loader does not run there from within the bundle that the package gives, but does from a file of its own.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { env } from 'onnxruntime-web/wasm';

const dist = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/wasm'));
env.wasm.wasmPaths = pathToFileURL(join(dist, '/')).href;
env.wasm.numThreads = 1;

export { InferenceSession, Tensor } from 'onnxruntime-web/wasm';
