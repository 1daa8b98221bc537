// Models in ONNX Runtime, off the page's main thread and apart from the engine, for client.ts to call.
import { expose } from 'comlink';
import { MODEL_FILES, readModelFolder, writeModelFolder } from '../export/hugging-face.ts';
import { readZip } from '../export/unzip.ts';
import { loadModel, type Model } from '../worker/models.ts';
import type { InferenceApi, ModelSource } from './protocol.ts';
import { TextModel } from './text-model.ts';

const slots = new Map<string, TextModel>();
let interruption = new AbortController();

const api: InferenceApi = {
  async load(slot, source) {
    const { checkpoint, tokenizer } = await read(source);
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

async function read(source: ModelSource): Promise<Model> {
  switch (source.kind) {
    case 'shipped':
      return loadModel(source.name);
    case 'folder':
      return readModelFolder(source.files);
    case 'zip':
      return readModelFolder(readZip(source.bytes, (path) => MODEL_FILES.some((file) => file === path)));
  }
}

expose(api);
