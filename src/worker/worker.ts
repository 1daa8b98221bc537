// The worker's end: a session with the browser's WebGPU and the models of the build, for client.ts to call.
import { expose } from 'comlink';
import { decoderMemory } from './decoder-memory.ts';
import { loadModel, loadSizes } from './models.ts';
import { Session } from './session.ts';

expose(new Session({ gpu: navigator.gpu, loadModel, loadSizes, memory: decoderMemory }));
