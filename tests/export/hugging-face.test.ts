import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlaygroundError } from '../../src/base/errors.ts';
import { parameterLayout, type Checkpoint } from '../../src/engine/config.ts';
import { fromHalf, toHalf } from '../../src/export/float16.ts';
import { readModelFolder, writeModelFolder } from '../../src/export/hugging-face.ts';
import { onnxModel } from '../../src/export/onnx/llama.ts';
import { readSafetensors, writeSafetensors, type Tensor } from '../../src/export/safetensors.ts';
import { Tokenizer, VOCABULARY } from '../../src/tasks/tokenizer.ts';
import { randomCheckpoint, SMALL } from './model.ts';

type Json = Record<string, unknown>;

const tokenizer = new Tokenizer();
const folder = writeModelFolder(randomCheckpoint(), tokenizer, '# A card\n');

function jsonOf(file: string): Json {
  return JSON.parse(new TextDecoder().decode(folder.get(file))) as Json;
}

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** The folder with one file replaced, or left out. */
function withFile(file: string, bytes: Uint8Array | null): Map<string, Uint8Array> {
  const changed = new Map(folder);
  if (bytes) changed.set(file, bytes);
  else changed.delete(file);
  return changed;
}

const withConfig = (changes: Json): Map<string, Uint8Array> =>
  withFile('config.json', bytesOf({ ...jsonOf('config.json'), ...changes }));

const withTokenizer = (changes: Json): Map<string, Uint8Array> =>
  withFile('tokenizer.json', bytesOf({ ...jsonOf('tokenizer.json'), ...changes }));

function withVocabulary(edit: (vocabulary: Json) => void): Map<string, Uint8Array> {
  const model = jsonOf('tokenizer.json')['model'] as Json;
  const vocabulary = { ...(model['vocab'] as Json) };
  edit(vocabulary);
  return withTokenizer({ model: { ...model, vocab: vocabulary } });
}

function withTensors(edit: (tensors: Map<string, Tensor>) => void): Map<string, Uint8Array> {
  const tensors = readSafetensors(folder.get('model.safetensors') as Uint8Array);
  edit(tensors);
  return withFile('model.safetensors', writeSafetensors(tensors));
}

function complaint(files: ReadonlyMap<string, Uint8Array>): string {
  try {
    readModelFolder(files);
  } catch (error) {
    expect(error).toBeInstanceOf(PlaygroundError);
    expect((error as PlaygroundError).name).toBe('bad-checkpoint');
    return (error as PlaygroundError).message;
  }
  return 'it was read';
}

describe('a model folder', () => {
  it('gives back the model it was written from, bit for bit and in the order of the layout', () => {
    const checkpoint = randomCheckpoint();
    const shuffled: Checkpoint = { ...checkpoint, tensors: new Map([...checkpoint.tensors].reverse()) };
    const back = readModelFolder(writeModelFolder(shuffled, tokenizer)).checkpoint;
    expect(back.config).toEqual(SMALL);
    expect([...back.tensors.keys()]).toEqual(parameterLayout(SMALL).tensors.map(({ name }) => name));
    for (const [name, weights] of checkpoint.tensors) expect(back.tensors.get(name)).toEqual(weights);
  });

  it('holds the files that transformers and transformers.js look for', () => {
    expect([...folder.keys()].sort()).toEqual([
      'README.md',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'onnx/model.onnx',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(jsonOf('config.json')).toMatchObject({
      architectures: ['LlamaForCausalLM'],
      head_dim: 8,
      num_key_value_heads: 2,
    });
    expect(jsonOf('generation_config.json')).toMatchObject({ bos_token_id: 1, eos_token_id: 2, pad_token_id: 0 });
    expect(jsonOf('tokenizer_config.json')).toMatchObject({
      bos_token: '<bos>',
      eos_token: '<eos>',
      pad_token: '<pad>',
    });
  });

  it('stored as fp16 takes half the space, and its weights are the nearest halves, in the ONNX file too', () => {
    const checkpoint = randomCheckpoint();
    const half = writeModelFolder(checkpoint, tokenizer, undefined, 'fp16');
    const weights = half.get('model.safetensors')!;
    const header = (file: Uint8Array): number => 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
    const full = folder.get('model.safetensors')!;
    expect(2 * (weights.length - header(weights))).toBe(full.length - header(full));
    expect(JSON.parse(new TextDecoder().decode(half.get('config.json')))).toMatchObject({ torch_dtype: 'float16' });

    const rounded = readModelFolder(half).checkpoint;
    for (const [name, numbers] of checkpoint.tensors)
      expect(rounded.tensors.get(name)).toEqual(fromHalf(toHalf(numbers)));
    expect(half.get('onnx/model.onnx')).toEqual(onnxModel(rounded));
  });

  it('is not stored as fp16 where a weight is too large for that', () => {
    const checkpoint = randomCheckpoint();
    checkpoint.tensors.get(GATE)![7] = 70000;
    expect(() => writeModelFolder(checkpoint, tokenizer, undefined, 'fp16')).toThrow(
      `half precision holds weights up to 65504, but ${GATE} holds 70000 at index 7: store them as fp32`,
    );
  });

  it('numbers the symbols of tokenizer.json in id order, and marks all but the think tags as special', () => {
    const { model, added_tokens: added } = jsonOf('tokenizer.json') as { model: { vocab: Json }; added_tokens: Json[] };
    expect(Object.entries(model.vocab).sort(([, a], [, b]) => (a as number) - (b as number))).toEqual(
      VOCABULARY.map((symbol, id) => [symbol, id]),
    );
    expect(added.map(({ id, content, special }) => [id, content, special])).toEqual([
      [0, '<pad>', true],
      [1, '<bos>', true],
      [2, '<eos>', true],
      [3, '<unk>', true],
      [4, '<think>', false],
      [5, '</think>', false],
    ]);
  });

  it('splits texts in tokenizer.json into the symbols that the tokenizer finds', () => {
    const { pre_tokenizer: split } = jsonOf('tokenizer.json') as { pre_tokenizer: { pattern: { Regex: string } } };
    const text = '<bos>4,5,7>6<think>3+5*7=38 no wait 等不对4-5=1 yes</think>9<eos>';
    const pieces = text.match(new RegExp(split.pattern.Regex, 'gu')) ?? [];
    expect(pieces.map((piece) => tokenizer.id(piece))).toEqual(tokenizer.encode(text));
  });

  it('brings its own symbols along', () => {
    const symbols = ['<unk>', '<eos>', '<bos>', '<pad>', '<think>', 'a', '(b)', 'a+', '🙂', '\\d'];
    const own = new Tokenizer(symbols);
    const files = writeModelFolder(randomCheckpoint({ ...SMALL, vocabSize: symbols.length }), own);
    const back = readModelFolder(files).tokenizer;
    expect(back.symbols).toEqual(symbols);
    expect(back.encode('aa+(b)🙂\\d')).toEqual([5, 7, 6, 8, 9]);
  });

  it('reads what transformers writes: rope_theta in rope_parameters only, a template that adds no token, no defaults', () => {
    const unsaid = ['rope_theta', 'attention_bias', 'mlp_bias', 'hidden_act', 'head_dim', 'num_key_value_heads'];
    expect(complaint(withConfig(Object.fromEntries(unsaid.map((name) => [name, undefined]))))).toBe('it was read');
    const sequence = [{ Sequence: { id: 'A', type_id: 0 } }];
    const template = { type: 'TemplateProcessing', single: sequence, pair: sequence, special_tokens: {} };
    expect(complaint(withTokenizer({ post_processor: template, padding: { strategy: 'BatchLongest' } }))).toBe(
      'it was read',
    );
  });

  const GATE = 'model.layers.1.mlp.gate_proj.weight';
  const size16 = new Float32Array(16);
  it.each([
    ['no config.json', withFile('config.json', null), 'but config.json is missing'],
    ['no tokenizer.json', withFile('tokenizer.json', null), 'but tokenizer.json is missing'],
    ['no weights', withFile('model.safetensors', null), 'but model.safetensors is missing'],
    ['a config that is not JSON', withFile('config.json', new Uint8Array([123])), 'config.json must be JSON in UTF-8'],
    [
      'another architecture',
      withConfig({ model_type: 'gpt2' }),
      'config.json: model_type must be "llama", but it is "gpt2"',
    ],
    ['a missing size', withConfig({ hidden_size: null }), 'config.json: hidden_size must be a number, but it is null'],
    [
      'a size that is an object',
      withConfig({ vocab_size: { toString: 1 } }),
      'vocab_size must be a number, but it is an object',
    ],
    [
      'a size that the engine has not',
      withConfig({ hidden_size: 4096 }),
      'config.json: hiddenSize must be a multiple of 16 from 16 to 256, but it is 4096',
    ],
    ['grouped queries', withConfig({ num_key_value_heads: 1 }), 'num_key_value_heads must be 2, but it is 1'],
    ['wider heads', withConfig({ head_dim: 16 }), 'head_dim must be 8, but it is 16'],
    ['another activation', withConfig({ hidden_act: 'gelu' }), 'hidden_act must be "silu", but it is "gelu"'],
    ['another epsilon', withConfig({ rms_norm_eps: 1e-6 }), 'rms_norm_eps must be 0.00001, but it is 0.000001'],
    [
      'an epsilon left to transformers',
      withConfig({ rms_norm_eps: undefined }),
      'rms_norm_eps must be 0.00001, but it is 0.000001',
    ],
    ['another theta', withConfig({ rope_theta: 500000 }), 'rope_theta must be 10000, but it is 500000'],
    [
      'another theta inside',
      withConfig({ rope_parameters: { rope_theta: 5e5 } }),
      'rope_parameters.rope_theta must be 10000',
    ],
    [
      'scaled positions',
      withConfig({ rope_scaling: { type: 'linear' } }),
      'rope_scaling.rope_type must be "default", but it is "linear"',
    ],
    [
      'positions in words',
      withConfig({ rope_parameters: 'yarn' }),
      'rope_parameters must be an object, but it is "yarn"',
    ],
    [
      'separate embeddings',
      withConfig({ tie_word_embeddings: false }),
      'tie_word_embeddings must be true, but it is false',
    ],
    ['biases in attention', withConfig({ attention_bias: true }), 'attention_bias must be false, but it is true'],
    ['biases in the MLP', withConfig({ mlp_bias: true }), 'mlp_bias must be false, but it is true'],
    [
      'another end of text',
      withConfig({ eos_token_id: 7 }),
      'eos_token_id must be 2, the id of <eos> in tokenizer.json, but it is 7',
    ],
    [
      'another vocabulary size',
      withConfig({ vocab_size: 32 }),
      'vocab must hold 32 symbols, the vocab_size of config.json, but it holds 28',
    ],
    [
      'more layers than weights',
      withConfig({ num_hidden_layers: 3 }),
      'must hold the 29 tensors of the model, but model.layers.2.input_layernorm.weight is missing',
    ],
    [
      'fewer layers than weights',
      withConfig({ num_hidden_layers: 1 }),
      'but it also holds "model.layers.1.input_layernorm.weight"',
    ],
    [
      'a BPE tokenizer',
      withTokenizer({ model: { type: 'BPE', vocab: {} } }),
      'model must be a WordLevel with a vocab, but its type is "BPE"',
    ],
    [
      'a normalizer',
      withTokenizer({ normalizer: { type: 'NFC' } }),
      'tokenizer.json: normalizer must be null, but it is an object',
    ],
    [
      'another split',
      withTokenizer({ pre_tokenizer: { type: 'Whitespace' } }),
      'pre_tokenizer.type must be "Split", but it is "Whitespace"',
    ],
    [
      'a template',
      withTokenizer({ post_processor: { type: 'TemplateProcessing', special_tokens: { '<bos>': {} } } }),
      'post_processor must be null',
    ],
    ['no decoder', withTokenizer({ decoder: null }), 'decoder.type must be "Fuse", but it is missing'],
    [
      'a token outside the vocabulary',
      withTokenizer({ added_tokens: [{ id: 28, content: '<s>' }] }),
      'but one is "<s>" with id 28',
    ],
    [
      'added tokens that are no list',
      withTokenizer({ added_tokens: {} }),
      'added_tokens must be a list, but it is an object',
    ],
    ['an id used twice', withVocabulary((v) => (v['9'] = 1)), 'each once, but "<bos>" has 1'],
    [
      'an id beyond the last',
      withVocabulary((v) => (v['9'] = 28)),
      'the ids of vocab must be 0 to 27, each once, but "9" has 28',
    ],
    [
      'an empty symbol',
      withVocabulary((v) => (delete v['9'], (v[''] = 18))),
      'must have 1 to 32 characters, but one is ""',
    ],
    [
      'no end symbol',
      withVocabulary((v) => (delete v['<eos>'], (v['e'] = 2))),
      'vocab must hold <eos>, but it does not',
    ],
    [
      'a missing tensor',
      withTensors((t) => t.delete(GATE)),
      `model.safetensors must hold the 20 tensors of the model, but ${GATE} is missing`,
    ],
    [
      'a tensor too many',
      withTensors((t) => t.set('lm_head.weight', { shape: [16], data: size16 })),
      'with tied embeddings, but it also holds "lm_head.weight"',
    ],
    [
      'a tensor of another shape',
      withTensors((t) => t.set('model.norm.weight', { shape: [4, 4], data: size16 })),
      'model.norm.weight must be of shape [16], but it is [4, 4]',
    ],
    [
      'a weight that is no number',
      withTensors((t) => t.get(GATE)?.data.fill(NaN, 5, 6)),
      `every weight must be a finite number, but ${GATE} holds NaN at index 5`,
    ],
    [
      'an infinite weight',
      withTensors((t) => t.get(GATE)?.data.fill(-Infinity, 7)),
      `but ${GATE} holds -Infinity at index 7`,
    ],
  ])('refuses %s', (_, files, message) => {
    expect(complaint(files)).toContain(message);
  });

  it('is not written from a checkpoint that could not be read again', () => {
    const checkpoint = randomCheckpoint();
    const write = (changes: [string, Float32Array][]): Map<string, Uint8Array> =>
      writeModelFolder({ ...checkpoint, tensors: new Map([...checkpoint.tensors, ...changes]) }, tokenizer);
    expect(() => write([[GATE, new Float32Array(512).fill(NaN)]])).toThrow(
      `the checkpoint: every weight must be a finite number, but ${GATE}`,
    );
    expect(() => write([[GATE, size16]])).toThrow(`${GATE} must be of shape [32, 16], but it is [16]`);
    expect(() => write([['lm_head.weight', size16]])).toThrow('but it also holds "lm_head.weight"');
    expect(() => writeModelFolder(checkpoint, new Tokenizer(['a']))).toThrow('must hold 28 symbols');
  });

  it.each(['config.json', 'tokenizer.json', 'model.safetensors'])(
    'throws nothing but bad-checkpoint, however the bytes of %s are changed',
    (file) => {
      const bytes = folder.get(file) as Uint8Array;
      const near = Math.min(bytes.length, 2500) - 1; // of the weights, the header: another weight is no fault
      const change = fc.record({ at: fc.nat(near), byte: fc.integer({ min: 0, max: 255 }) });
      fc.assert(
        fc.property(
          fc.array(change, { minLength: 1, maxLength: 4 }),
          fc.option(fc.nat(bytes.length)),
          (changes, length) => {
            const changed = Uint8Array.from(bytes);
            for (const { at, byte } of changes) changed[at] = byte;
            complaint(withFile(file, changed.subarray(0, length ?? bytes.length)));
          },
        ),
        { numRuns: 500 },
      );
    },
  );

  it.each(['config.json', 'tokenizer.json'])('throws nothing but bad-checkpoint for any value in %s', (file) => {
    const json = jsonOf(file);
    const model = jsonOf('tokenizer.json')['model'] as Json;
    const key = fc.constantFrom(...Object.keys(json));
    fc.assert(
      fc.property(
        key,
        fc.jsonValue(),
        (name, value) => void complaint(withFile(file, bytesOf({ ...json, [name]: value }))),
      ),
    );
    fc.assert(fc.property(fc.jsonValue(), (vocab) => void complaint(withTokenizer({ model: { ...model, vocab } }))));
  });
});
