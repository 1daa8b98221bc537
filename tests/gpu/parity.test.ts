// The engine against ONNX Runtime, in one page, on a shipped model.
import { expect, it } from 'vitest';
import { readModelFolder, writeModelFolder } from '../../src/export/hugging-face.ts';
import { ONNX_FILE } from '../../src/export/onnx/llama.ts';
import { enginePolicy } from '../../src/inference/parity-engine.ts';
import { onnxPolicy } from '../../src/inference/parity-onnx.ts';
import { compare } from '../../src/inference/parity.ts';
import { promptIds } from '../../src/recipes/environment.ts';
import { findTask } from '../../src/tasks/registry.ts';
import { loadModel } from '../../src/worker/models.ts';
import { openGpu } from './open.ts';

it(
  'ONNX Runtime completes 200 held-out problems token by token as the engine does, with the same log-probs',
  { timeout: 120_000 },
  async () => {
    const { checkpoint, tokenizer } = await loadModel('countdown-easy');
    const task = findTask('countdown-easy');
    const gpu = await openGpu();
    const files = writeModelFolder(checkpoint, tokenizer);
    const eos = tokenizer.id('<eos>');
    const prompts = task.heldOut.slice(0, 200).map((prompt) => promptIds(tokenizer, prompt));

    const engine = await enginePolicy(gpu, readModelFolder(files).checkpoint, eos, prompts.length);
    const onnx = await onnxPolicy(files.get(ONNX_FILE)!, checkpoint.config, eos);
    const parity = await compare(engine, onnx, prompts, task.maxCompletionLength);
    gpu.freeAll();
    expect(parity).toMatchObject({ problems: 200, identical: 200, passed: true });
    expect(parity.maxDifference).toBeLessThan(1e-4);
  },
);
