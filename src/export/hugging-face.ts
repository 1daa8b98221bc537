// A model as a Hugging Face folder that transformers, TRL and transformers.js load, and back. Reading trusts nothing: whatever the files
// hold, the result is a model that the engine can run or a bad-checkpoint error that says which file is wrong and how.
import {
  parameterLayout,
  RMS_NORM_EPS,
  ROPE_THETA,
  validateConfig,
  type Checkpoint,
  type ModelConfig,
} from '../engine/config.ts';
import type { Tokenizer } from '../tasks/tokenizer.ts';
import { fromHalf, LARGEST_HALF, toHalf } from './float16.ts';
import { ONNX_FILE, onnxModel } from './onnx/llama.ts';
import { readSafetensors, writeSafetensors, type Tensor } from './safetensors.ts';
import {
  generationConfigJson,
  readTokenizer,
  SPECIAL_TOKENS,
  tokenizerConfigJson,
  tokenizerJson,
} from './tokenizer-json.ts';
import { badCheckpoint, isObject, parseJsonObject, show, type JsonObject } from './untrusted.ts';

/** How weights are stored: in full, or each as the nearest number of half precision, in half the space. */
export const WEIGHT_TYPES = ['fp32', 'fp16'] as const;
export type WeightType = (typeof WEIGHT_TYPES)[number];

/** A file's path inside its folder -> its bytes. */
export type Folder = ReadonlyMap<string, Uint8Array>;

/** What `readModelFolder` reads. */
export const MODEL_FILES = ['config.json', 'tokenizer.json', 'model.safetensors'] as const;

/**
 * config.json, generation_config.json, tokenizer.json, tokenizer_config.json, model.safetensors, onnx/model.onnx and, if a card is given,
 * README.md. Stored as fp16, the rounded weights are the model: the ONNX file holds the same ones, in single precision.
 * Throws bad-checkpoint for a checkpoint that `readModelFolder` would refuse, bad-settings for sizes out of the engine's limits.
 */
export function writeModelFolder(
  checkpoint: Checkpoint,
  tokenizer: Tokenizer,
  card?: string,
  weights: WeightType = 'fp32',
): Map<string, Uint8Array> {
  const { config } = checkpoint;
  validateConfig(config);
  checkTensors('the checkpoint', config, tensorsOf(checkpoint));
  if (config.vocabSize !== tokenizer.symbols.length) {
    throw badCheckpoint(
      `the tokenizer must hold ${config.vocabSize} symbols, the model's vocabSize, but it holds ${tokenizer.symbols.length}`,
    );
  }
  const stored = weights === 'fp16' ? inHalfPrecision(checkpoint) : checkpoint;

  const json = (value: JsonObject): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  const folder = new Map([
    ['config.json', json(configJson(config, tokenizer, weights))],
    ['generation_config.json', json(generationConfigJson(config, tokenizer))],
    ['tokenizer.json', json(tokenizerJson(tokenizer))],
    ['tokenizer_config.json', json(tokenizerConfigJson(config))],
    ['model.safetensors', writeSafetensors(tensorsOf(stored), weights === 'fp16' ? 'F16' : 'F32')],
    [ONNX_FILE, onnxModel(stored)],
  ]);
  if (card !== undefined) folder.set('README.md', new TextEncoder().encode(card));
  return folder;
}

/** Reads MODEL_FILES; other files are ignored. Throws bad-checkpoint and nothing else. */
export function readModelFolder(files: Folder): { checkpoint: Checkpoint; tokenizer: Tokenizer } {
  const need = (file: (typeof MODEL_FILES)[number]): Uint8Array => {
    const bytes = files.get(file);
    if (!bytes) {
      throw badCheckpoint(`a model folder must hold ${MODEL_FILES.join(', ')}, but ${file} is missing`);
    }
    return bytes;
  };
  const json = parseJsonObject('config.json', need('config.json'));
  const config = readConfig(json);
  const tokenizer = readTokenizer(parseJsonObject('tokenizer.json', need('tokenizer.json')), config.vocabSize);
  for (const [name, symbol] of Object.entries(SPECIAL_TOKENS)) {
    const id = tokenizer.id(symbol);
    const given = json[`${name}_id`] ?? id;
    if (given !== id) {
      throw badCheckpoint(
        `config.json: ${name}_id must be ${id}, the id of ${symbol} in tokenizer.json, but it is ${show(given)}`,
      );
    }
  }
  const tensors = readSafetensors(need('model.safetensors'));
  checkTensors('model.safetensors', config, tensors);
  const inOrder = parameterLayout(config).tensors.map(
    ({ name }) => [name, (tensors.get(name) as Tensor).data] as const,
  );
  return { checkpoint: { config, tensors: new Map(inOrder) }, tokenizer };
}

/** The sizes alone, from the bytes of config.json. Throws bad-checkpoint and nothing else. */
export function readModelConfig(file: Uint8Array): ModelConfig {
  return readConfig(parseJsonObject('config.json', file));
}

function configJson(config: ModelConfig, tokenizer: Tokenizer, weights: WeightType): JsonObject {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numLayers,
    num_attention_heads: config.numHeads,
    num_key_value_heads: config.numHeads,
    head_dim: config.hiddenSize / config.numHeads,
    max_position_embeddings: config.maxPositions,
    hidden_act: 'silu',
    rms_norm_eps: RMS_NORM_EPS,
    rope_theta: ROPE_THETA,
    rope_parameters: { rope_type: 'default', rope_theta: ROPE_THETA }, // where transformers 5 looks
    tie_word_embeddings: true,
    attention_bias: false,
    attention_dropout: 0,
    mlp_bias: false,
    bos_token_id: tokenizer.id('<bos>'),
    eos_token_id: tokenizer.id('<eos>'),
    pad_token_id: tokenizer.id('<pad>'),
    torch_dtype: weights === 'fp16' ? 'float16' : 'float32',
    'transformers.js_config': { dtype: 'fp32' }, // of the ONNX file; its default in the browser is an 8-bit one that is not there
  };
}

function readConfig(json: JsonObject): ModelConfig {
  const fail = (name: string, expected: string, value: unknown): never => {
    throw badCheckpoint(`config.json: ${name} must be ${expected}, but it is ${show(value)}`);
  };
  const size = (name: string): number => {
    const value = json[name];
    return typeof value === 'number' ? value : fail(name, 'a number', value);
  };
  /** `otherwise` is what transformers takes where the file says nothing. */
  const fixed = (name: string, value: unknown, expected: unknown, otherwise?: unknown): void => {
    if ((value ?? otherwise) !== expected) fail(name, show(expected), value ?? otherwise);
  };
  fixed('model_type', json['model_type'], 'llama');
  const config: ModelConfig = {
    vocabSize: size('vocab_size'),
    hiddenSize: size('hidden_size'),
    intermediateSize: size('intermediate_size'),
    numLayers: size('num_hidden_layers'),
    numHeads: size('num_attention_heads'),
    maxPositions: size('max_position_embeddings'),
  };
  try {
    validateConfig(config);
  } catch (cause) {
    throw badCheckpoint(`config.json: ${(cause as Error).message}`, cause);
  }
  fixed('num_key_value_heads', json['num_key_value_heads'], config.numHeads, config.numHeads);
  fixed('head_dim', json['head_dim'], config.hiddenSize / config.numHeads, config.hiddenSize / config.numHeads);
  fixed('hidden_act', json['hidden_act'], 'silu', 'silu');
  fixed('rms_norm_eps', json['rms_norm_eps'], RMS_NORM_EPS, 1e-6);
  fixed('tie_word_embeddings', json['tie_word_embeddings'], true, false);
  fixed('attention_bias', json['attention_bias'], false, false);
  fixed('mlp_bias', json['mlp_bias'], false, false);
  fixed('rope_theta', json['rope_theta'], ROPE_THETA, ROPE_THETA);
  for (const name of ['rope_parameters', 'rope_scaling']) {
    const rope = json[name] ?? {};
    if (!isObject(rope)) return fail(name, 'an object', rope);
    fixed(`${name}.rope_type`, rope['rope_type'] ?? rope['type'], 'default', 'default');
    fixed(`${name}.rope_theta`, rope['rope_theta'], ROPE_THETA, ROPE_THETA);
  }
  return config;
}

/** Every weight as the nearest half. Throws bad-checkpoint for one that is too large. */
function inHalfPrecision({ config, tensors }: Checkpoint): Checkpoint {
  const rounded = [...tensors].map(([name, numbers]) => {
    const halves = fromHalf(toHalf(numbers));
    const at = halves.findIndex((weight) => !Number.isFinite(weight));
    if (at >= 0) {
      throw badCheckpoint(
        `half precision holds weights up to ${LARGEST_HALF}, but ${name} holds ${numbers[at]} at index ${at}: store them as fp32`,
      );
    }
    return [name, halves] as const;
  });
  return { config, tensors: new Map(rounded) };
}

/** With the layout's shapes; a tensor of another size or name counts as a plain list. */
function tensorsOf({ config, tensors }: Checkpoint): Map<string, Tensor> {
  const specs = new Map(parameterLayout(config).tensors.map((spec) => [spec.name, spec]));
  const inOrder = [...specs.keys(), ...tensors.keys()].filter((name) => tensors.has(name));
  return new Map(
    inOrder.map((name) => {
      const data = tensors.get(name) as Float32Array;
      const spec = specs.get(name);
      return [name, { shape: spec?.size === data.length ? spec.shape : [data.length], data }];
    }),
  );
}

/** Exactly the tensors of the layout, in their shapes, every number finite. */
function checkTensors(what: string, config: ModelConfig, tensors: ReadonlyMap<string, Tensor>): void {
  const { tensors: specs } = parameterLayout(config);
  for (const { name, shape, size } of specs) {
    const tensor = tensors.get(name);
    if (!tensor)
      throw badCheckpoint(`${what} must hold the ${specs.length} tensors of the model, but ${name} is missing`);
    if (tensor.shape.join() !== shape.join() || tensor.data.length !== size) {
      throw badCheckpoint(`${what}: ${name} must be of shape ${show(shape)}, but it is ${show(tensor.shape)}`);
    }
    const at = tensor.data.findIndex((weight) => !Number.isFinite(weight));
    if (at >= 0)
      throw badCheckpoint(
        `${what}: every weight must be a finite number, but ${name} holds ${tensor.data[at]} at index ${at}`,
      );
  }
  const expected = new Set(specs.map(({ name }) => name));
  const extra = [...tensors.keys()].find((name) => !expected.has(name));
  if (extra !== undefined) {
    throw badCheckpoint(
      `${what} must hold only the ${specs.length} tensors of a Llama with tied embeddings, but it also holds ${show(extra)}`,
    );
  }
}
