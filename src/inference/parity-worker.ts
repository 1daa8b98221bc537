// What was exported, read back and run by the engine and by ONNX Runtime, in a worker of its own, for parity-client.ts to call.
import { expose } from 'comlink';
import { Gpu } from '../engine/index.ts';
import { MODEL_FILES, readModelFolder } from '../export/hugging-face.ts';
import { ONNX_FILE } from '../export/onnx/llama.ts';
import { badCheckpoint } from '../export/untrusted.ts';
import { readZip } from '../export/unzip.ts';
import { findTask } from '../tasks/registry.ts';
import type { ParityApi } from './parity-client.ts';
import { enginePolicy } from './parity-engine.ts';
import { onnxPolicy } from './parity-onnx.ts';
import { compare } from './parity.ts';

const PROBLEMS = 200;
const PROBLEMS_ON_SOFTWARE = 24;

const api: ParityApi = {
  async check(zip, taskName) {
    const files = readZip(zip, (path) => [...MODEL_FILES, ONNX_FILE].includes(path));
    const { checkpoint, tokenizer } = readModelFolder(files);
    const model = files.get(ONNX_FILE);
    if (!model) throw badCheckpoint(`the zip must hold ${ONNX_FILE}, but it does not`);

    const gpu = await Gpu.open(navigator.gpu);
    const task = findTask(taskName);
    const prompts = task.heldOut
      .slice(0, gpu.adapter.software ? PROBLEMS_ON_SOFTWARE : PROBLEMS)
      .map((prompt) => [tokenizer.id('<bos>'), ...tokenizer.encode(prompt)]);
    const room = checkpoint.config.maxPositions - Math.max(...prompts.map(({ length }) => length));
    const eos = tokenizer.id('<eos>');
    const engine = await enginePolicy(gpu, checkpoint, eos, prompts.length);
    const onnx = await onnxPolicy(model, checkpoint.config, eos);
    return compare(engine, onnx, prompts, Math.min(task.maxCompletionLength, room));
  },
};

expose(api);
