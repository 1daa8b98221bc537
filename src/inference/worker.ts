// Models in ONNX Runtime, off the page's main thread and apart from the engine, for client.ts to call.
import { expose } from 'comlink';
import { readModelFolder, writeModelFolder } from '../export/hugging-face.ts';
import { loadModel } from '../worker/models.ts';
import type { InferenceApi } from './protocol.ts';
import { TextModel } from './text-model.ts';

const slots = new Map<string, TextModel>();
let interruption = new AbortController();

const api: InferenceApi = {
  async load(slot, source) {
    const { checkpoint, tokenizer } =
      source.kind === 'shipped' ? await loadModel(source.name) : readModelFolder(source.files);
    const model = await TextModel.load(writeModelFolder(checkpoint, tokenizer));
    await slots.get(slot)?.dispose();
    slots.set(slot, model);
  },

  async generate(slot, request, listener) {
    const model = slots.get(slot);
    if (!model) throw new Error(`no model was loaded as ${slot}`);
    return model.generate(request, listener, interruption.signal);
  },

  stop() {
    interruption.abort();
    interruption = new AbortController();
    return Promise.resolve();
  },
};

expose(api);
