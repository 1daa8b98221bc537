import { describe, expect, it } from 'vitest';
import { PlaygroundError } from '../../src/base/errors.ts';
import { writeModelFolder } from '../../src/export/hugging-face.ts';
import { readImport } from '../../src/export/import.ts';
import { isModelName, modelName } from '../../src/export/run-log.ts';
import { readSafetensors, writeSafetensors, type Tensor } from '../../src/export/safetensors.ts';
import { readZip } from '../../src/export/unzip.ts';
import { PRESETS } from '../../src/recipes/presets.ts';
import { Tokenizer, VOCABULARY } from '../../src/tasks/tokenizer.ts';
import { interruptedRun, zipOf } from './imported-run.ts';
import { randomCheckpoint, SMALL } from './model.ts';

type Files = ReadonlyMap<string, Uint8Array>;
const files = readZip(zipOf(interruptedRun()));
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (path: string): string => new TextDecoder().decode(files.get(path));

const withFile = (path: string, text: string | Uint8Array): Files =>
  new Map(files).set(path, typeof text === 'string' ? bytesOf(text) : text);
const without = (path: string): Files => new Map([...files].filter(([name]) => name !== path));
const withJson = (path: string, changes: object): Files =>
  withFile(path, JSON.stringify({ ...(JSON.parse(textOf(path)) as object), ...changes }));
const withSettings = (changes: object): Files => withJson('run/settings.json', changes);
const withState = (changes: object): Files => withJson('run/state.json', changes);
const withLine = (path: string, changes: object): Files => {
  const lines = textOf(path).trimEnd().split('\n');
  const last = { ...(JSON.parse(lines.pop()!) as object), ...changes };
  return withFile(path, [...lines, JSON.stringify(last), ''].join('\n').replaceAll('"1e999"', '1e999'));
};
const withMoments = (edit: (tensors: Map<string, Tensor>) => void): Files => {
  const tensors = readSafetensors(files.get('run/optimizer.safetensors')!);
  edit(tensors);
  return withFile('run/optimizer.safetensors', writeSafetensors(tensors));
};
const SQUARE = 'exp_avg_sq.model.norm.weight';

function complaint(from: Files): string {
  try {
    readImport(from, PRESETS);
  } catch (error) {
    expect(error).toBeInstanceOf(PlaygroundError);
    expect((error as PlaygroundError).name).toBe('bad-checkpoint');
    return (error as PlaygroundError).message;
  }
  return 'it was read';
}

describe('an import', () => {
  it.each([{}, { beta: 0 }, { advantageEstimator: 'ppo' } as const])(
    'reads a run as it was exported, to the bit, with options %j',
    (options) => {
      const run = interruptedRun(options);
      expect(readImport(readZip(zipOf(run)), PRESETS)).toEqual(run);
    },
  );

  it('reads a model alone where there is no run, or none that can go on', () => {
    const folder = writeModelFolder(randomCheckpoint(), new Tokenizer());
    expect(readImport(folder, PRESETS)).toMatchObject({ run: null, checkpoint: { config: SMALL } });
    folder.set('run/log.jsonl', bytesOf('not even looked at'));
    expect(readImport(folder, PRESETS).run).toBeNull();
  });

  it('leaves out what the log has after the weights were taken, as where the device was lost', () => {
    const state = { ...interruptedRun().run!.state, step: 1 };
    const { run } = readImport(
      readZip(zipOf({ ...interruptedRun(), run: { ...interruptedRun().run!, state } })),
      PRESETS,
    );
    expect([run?.state.step, run?.log.map(({ step }) => step), run?.completions.length]).toEqual([1, [0, 1], 1]);
  });

  it('takes the defaults for options that are newer than the run', () => {
    const settings = JSON.parse(textOf('run/settings.json')) as Record<string, unknown>;
    delete settings['top_entropy_quantile'];
    const { run } = readImport(withFile('run/settings.json', JSON.stringify(settings)), PRESETS);
    expect(run?.settings).toEqual(interruptedRun().run?.settings);
  });

  // prettier-ignore
  it.each<[string, Files, string]>([
    ['no weights', without('model.safetensors'), 'but model.safetensors is missing'],
    ['weights in several files', new Map(without('model.safetensors')).set('model.safetensors.index.json', bytesOf('{}')), 'must be in one file, model.safetensors, but they are split over several'],
    ['symbols in another order', new Map(files).set('tokenizer.json', writeModelFolder(randomCheckpoint(), new Tokenizer([...VOCABULARY.slice(0, 26), '对', '不'])).get('tokenizer.json')!), 'must have the vocabulary of the task, 28 symbols, but it has 28, and symbol 26 is "对", not "不"'],
    ['a prototype in JSON', withFile('config.json', textOf('config.json').replace('{', '{"__proto__": {"hidden_size": 16},')), 'config.json must not hold the key "__proto__"'],
    ['a megabyte of JSON', withFile('config.json', `${textOf('config.json')}${' '.repeat(2 ** 20)}`), 'config.json must have at most 1048576 bytes'],
    ['JSON a hundred thousand levels deep', withFile('config.json', `{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`), 'config.json: model_type must be "llama"'],
    ['a state without its optimizer', without('run/optimizer.safetensors'), 'but run/optimizer.safetensors is missing'],
    ['a state without its log', without('run/log.jsonl'), 'but run/log.jsonl is missing'],
    ['a preset that there is not', withSettings({ preset: 'constructor' }), 'run/settings.json: preset must be one of aha,'],
    ['a task that is not the preset\'s', withSettings({ task: 'addition' }), 'task must be countdown, that of the preset, but it is "addition"'],
    ['a seed that is none', withSettings({ seed: -1 }), 'seed must be a whole number up to 4294967295, but it is -1'],
    ['no steps', withSettings({ max_steps: 0 }), 'max_steps must be a whole number from 1 to 100000, but it is 0'],
    ['an option that there is not', withSettings({ magic: 1 }), 'there is no option "magic"'],
    ['an option out of its range', withSettings({ learning_rate: 7 }), 'option learningRate must be a number from 0 to 0.1, but it is 7'],
    ['a base whose name is a command', withSettings({ base_model: 'x; rm -rf /' }), 'base_model must be a name'],
    ['a step before the first', withState({ step: -1 }), 'run/state.json: step must be a whole number of 0 or more, but it is -1'],
    ['half a token', withState({ num_tokens: 0.5 }), 'num_tokens must be a whole number of 0 or more, but it is 0.5'],
    ['a step after the last', withState({ step: 251 }), 'step must be at most the 250 of the run, but it is 251'],
    ['a step that the log has not', withState({ step: 3 }), 'run/log.jsonl must hold step 3, where the run stopped'],
    ['moments of another size', withMoments((t) => t.set(SQUARE, { shape: [8], data: new Float32Array(8) })), `${SQUARE} must be of shape [16], but it is [8]`],
    ['moments that are missing', withMoments((t) => t.delete(SQUARE)), `must hold 60 tensors, but ${SQUARE} is missing`],
    ['a mean of squares below zero', withMoments((t) => (t.get(SQUARE)!.data[3] = -1)), `finite numbers of 0 or more, but ${SQUARE} holds -1 at index 3`],
    ['a moment that is no number', withMoments((t) => (t.get('exp_avg.model.norm.weight')!.data[0] = NaN)), 'exp_avg.model.norm.weight holds NaN at index 0'],
    ['a reference without a pull to it', withSettings({ beta: 0 }), 'must hold the tensors of its run\'s settings, but it also holds "reference.'],
    ['a critic that is missing', withSettings({ advantage_estimator: 'ppo' }), 'but critic.model.embed_tokens.weight is missing'],
    ['a log out of order', withLine('run/log.jsonl', { step: 1 }), 'line 3 of run/log.jsonl must have a step after 1, but it has 1'],
    ['a metric in words', withLine('run/log.jsonl', { reward: 'much' }), 'line 3 of run/log.jsonl must have a finite number as "reward", but it has "much"'],
    ['a metric beyond numbers', withLine('run/log.jsonl', { reward: '1e999' }), 'a finite number as "reward", but it has Infinity'],
    ['a line that is no JSON', withFile('run/log.jsonl', `${textOf('run/log.jsonl')}{`), 'line 4 of run/log.jsonl must be JSON'],
    ['a completion without a prompt', withLine('run/completions.jsonl', { prompt: 7 }), 'line 2 of run/completions.jsonl must have a prompt, but it has 7'],
    ['a completion without end', withLine('run/completions.jsonl', { completion: '1'.repeat(5000) }), 'must have a completion, but it has "111'],
    ['a reward in words', withLine('run/completions.jsonl', { accuracy: null }), 'must have a finite number as "accuracy", but it has null'],
  ])('refuses %s', (_, from, message) => {
    expect(complaint(from)).toContain(message);
  });
});

it('the name of a model is one that needs no quotes, whatever its file is called', () => {
  expect(
    ['aha.zip', 'my run (2).ZIP', '../../etc', '$(rm)', '   ', '-rf', '日本', 'a'.repeat(300)].map(modelName),
  ).toEqual(['aha', 'my-run-2-', 'etc', 'rm-', 'model', 'rf', 'model', 'a'.repeat(100)]);
  expect(['', 'a b', '-a', 'a'.repeat(101), 'a;b'].some(isModelName)).toBe(false);
});
