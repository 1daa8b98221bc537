// The commands that need a GPU, from pretraining to a step of GRPO, on a model as small as they take.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { readModel, writeFiles } from '../../src/cli/files.ts';
import type { Checkpoint } from '../../src/engine/config.ts';
import { writeModelFolder } from '../../src/export/hugging-face.ts';
import { resolveOptions, type GrpoOptions } from '../../src/grpo/options.ts';
import { promptIds } from '../../src/recipes/environment.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';
import { SMALL } from '../export/model.ts';
import { roughModel } from '../gpu/open.ts';
import { expectClose } from '../reference/compare.ts';
import { advantages, grpoLoss } from '../reference/grpo.ts';
import { entropiesBackward, logProbs, logProbsBackward } from '../reference/layers.ts';
import { backward, forward } from '../reference/model.ts';
import { estimates } from '../reference/ppo.ts';
import { grpo, SOURCE, type Result } from './grpo.ts';

const GPU_MS = 240_000;
const tokenizer = new Tokenizer();
const folder = mkdtempSync(join(tmpdir(), 'grpo-commands-'));
const at = (name: string): string => join(folder, name);

afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]): Promise<Result> => grpo(SOURCE, args);
type Line = Readonly<Record<string, unknown>>;
const jsonLines = (text: string): Line[] => text.trimEnd().split('\n').map((line) => JSON.parse(line) as Line); // prettier-ignore

/** The lines of a command that must succeed. */
async function linesOf(...args: string[]): Promise<Line[]> {
  const { status, stdout, stderr } = await run(...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr });
  return jsonLines(stdout);
}

function writeModel(name: string, checkpoint: Checkpoint): void {
  writeFiles(at(name), writeModelFolder(checkpoint, tokenizer));
}

describe('pretrain, and what can be asked of its model', { timeout: GPU_MS }, () => {
  const PROMPT = '1,2,3>6<think>';

  it('pretrain trains a base model and writes it with its figures', async () => {
    const size = ['--hidden-size', '16', '--layers', '1', '--heads', '2'];
    const lines = await linesOf('pretrain', '--task', 'countdown-easy', ...size, '--steps', '2', '--out', at('base'), '--json'); // prettier-ignore
    const [first, second, metrics] = lines as [Line, Line, Line];
    expect([first['step'], second['step'], lines.length]).toEqual([1, 2, 3]);
    expect(first['loss']).toBeCloseTo(Math.log(tokenizer.symbols.length), 1); // random weights know nothing
    expect(second['loss']).toBeLessThan(first['loss'] as number);
    expect(Object.keys(metrics)).toContain('eval/accuracy');
    const { config } = readModel(at('base'), tokenizer).checkpoint;
    expect(config).toMatchObject({ hiddenSize: 16, intermediateSize: 48, numLayers: 1, numHeads: 2 });
    expect(readFileSync(at('base/README.md'), 'utf8')).toContain('--steps 2');
  });

  it('eval without wait never says it', async () => {
    const [line] = await linesOf(
      'eval',
      '--model',
      at('base'),
      '--task',
      'countdown-easy',
      '--ban',
      'wait',
      '--seed',
      '7',
    );
    expect(line).toMatchObject({
      task: 'countdown-easy',
      problems: 512,
      seed: 7,
      temperature: 1,
      banned: [' wait ', '等'],
    });
    expect(line).toMatchObject({ 'aha/wait_given_wrong': 0, 'aha/wait_given_right': 0 });
    expect(line?.['mean_length']).toBeGreaterThan(1);
  });

  it('sample gives the same completions for the same seed, with their log-probs', async () => {
    const args = ['sample', '--model', at('base'), '--prompt', PROMPT, '--count', '3'];
    const lines = await linesOf(...args, '--json');
    const plain = await run(...args);
    expect(plain).toMatchObject({
      status: 0,
      stdout: lines.map(({ completion }) => `${String(completion)}\n`).join(''),
    });
    const { checkpoint } = readModel(at('base'));
    for (const { prompt, completion, truncated, logprobs } of lines) {
      expect(prompt).toBe(PROMPT);
      expect(truncated).toBe(!String(completion).endsWith('<eos>'));
      const expected = policy(checkpoint, PROMPT, String(completion), 1);
      expectClose(`log-probs of ${String(completion)}`, logprobs as number[], expected.logProbs, { atol: 2e-5 });
    }
  });

  it('score gives every token but the first the log-prob of the reference', async () => {
    const [line] = await linesOf('score', '--model', at('base'), '--text', `${PROMPT}1+2+3=6 yes</think>`);
    const { checkpoint } = readModel(at('base'));
    expect(line?.['ids']).toEqual(promptIds(tokenizer, `${PROMPT}1+2+3=6 yes</think>`));
    const { logProbs: expected } = policy(checkpoint, '', `${PROMPT}1+2+3=6 yes</think>`, 1);
    expectClose('log-probs', line?.['logprobs'] as number[], expected, { atol: 2e-5 });
  });

  it('train writes the model, its settings and its log', async () => {
    const small = ['--set', 'promptsPerStep=2', '--set', 'numGenerations=2'];
    const record = at('recorded.json');
    const args = [
      'train',
      '--preset',
      'first-lesson',
      '--model',
      at('base'),
      '--steps',
      '1',
      '--seed',
      '123456',
      ...small,
    ];
    const lines = await linesOf(...args, '--out', at('a/run'), '--record', record, '--json');
    expect(lines.map(({ step }) => step)).toEqual([0, 1]);
    expect(jsonLines(readFileSync(at('a/run/run/log.jsonl'), 'utf8'))).toEqual(lines);
    expect(jsonLines(readFileSync(at('a/run/run/completions.jsonl'), 'utf8'))).toHaveLength(4);
    const settings = JSON.parse(readFileSync(at('a/run/run/settings.json'), 'utf8')) as Line;
    expect(settings).toMatchObject({ preset: 'first-lesson', seed: 123456, max_steps: 1, num_generations: 2 });
    readModel(at('a/run'), tokenizer);
    const { events } = JSON.parse(readFileSync(record, 'utf8')) as { events: Line[] };
    expect(events.map(({ type }) => type)).toEqual(['started', 'step', 'step', 'finished']);
    expect(events[0]).toMatchObject({ settings: { seed: 123456 } });
  });
});

describe('bench', { timeout: GPU_MS }, () => {
  const TINY = ['bench', '--scale', 'tiny', '--reference', '--repeats', '1', '--json'];

  it('says what a step takes, and which kernels take how long', async () => {
    const [line] = await linesOf(...TINY, '--layers', '2');
    writeFileSync(at('saved.json'), JSON.stringify(line));
    const { reference, growth, aha } = line as Record<string, Record<string, unknown> | null>;
    expect({ growth, aha }).toEqual({ growth: null, aha: null });
    expect(reference).toMatchObject({
      sizes: { hiddenSize: 16, numLayers: 2, sequences: 16, newTokens: 4 },
      repeats: 1,
    });
    for (const name of ['stepMs', 'tokensPerSecond', 'largestBindingMiB']) expect(reference?.[name]).toBeGreaterThan(0);
    const profile = reference?.['profile'] as Record<'sampling' | 'training', { kernels: Line[] }>;
    expect(profile.sampling.kernels.map(({ label }) => label)).toContain('sample_token');
    expect(profile.training.kernels.map(({ label }) => label)).toContain('adamw_update');
  });

  it('is tables for people without --json, and stands beside a file that it wrote, at the sizes of that file', async () => {
    const { stdout } = await run('bench', '--reference', '--repeats', '1', '--compare', at('saved.json'));
    expect(stdout).toMatch(/^Reference step: 16 wide, 2 layers, 4 heads; 16 sequences of 12 \+ 4 tokens/m);
    expect(stdout).toMatch(/^sampling +[\d.,]+ ms +[\d.,]+ tokens\/s$/m);
    expect(stdout).toMatch(/^Beside the saved run on .+: 16 wide, 2 layers/m);
    expect(stdout).toMatch(/^allocated +([\d.]+) MiB +\1 MiB +1$/m);
  });

  it('samples with the decoder it is told to', async () => {
    const [line] = await linesOf(...TINY, '--decoder', 'fused', '--fused-threads', '128');
    const { reference } = line as { reference: { profile: { sampling: { kernels: Line[] } } } };
    const labels = reference.profile.sampling.kernels.map(({ label }) => label);
    expect(labels).toContain('decode_tokens');
    expect(labels).not.toContain('sample_token');
  });
});

describe('compare-estimators', { timeout: GPU_MS }, () => {
  it('prints every step and a row for each estimator', async () => {
    writeModel('small', roughModel(SMALL, 1));
    const sizes = ['promptsPerStep=1', 'numGenerations=2', 'maxCompletionLength=8', 'lam=0.9'].flatMap((pair) => ['--set', pair]); // prettier-ignore
    const args = ['--model', at('small'), '--estimators', 'ppo,reinforce', '--steps', '1', ...sizes, '--json'];
    const lines = await linesOf('compare-estimators', ...args);
    const kinds = lines.map(({ type, stage, estimator }) => [type, stage ?? estimator]);
    expect(kinds).toEqual([['progress', 'ppo'], ['row', 'ppo'], ['progress', 'reinforce'], ['row', 'reinforce']]); // prettier-ignore
    const [ppo, reinforce] = lines.filter(({ type }) => type === 'row') as [Line, Line];
    expect(ppo['rewardBefore']).toBe(reinforce['rewardBefore']);
    expect(ppo['criticMiB']).toBeGreaterThan(0);
    expect(reinforce['criticMiB']).toBe(0);
  });

  it('takes no estimator that there is not', async () => {
    const { status, stderr } = await run('compare-estimators', '--estimators', 'ppo,gae');
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'grpo: usage: --estimators takes grpo, rloo, reinforce, ppo, with commas, but it is "ppo,gae"\n',
    });
  });
});

describe('train on a model that diverges', { timeout: GPU_MS }, () => {
  it('says so in one line, and writes the model as it was before that step', async () => {
    const { config, tensors } = roughModel(SMALL, 1);
    const huge = tensors.get('model.norm.weight')!.map(() => 3e38);
    writeModel('huge', { config, tensors: new Map([...tensors, ['model.norm.weight', huge]]) });
    const small = ['--set', 'promptsPerStep=1', '--set', 'numGenerations=2', '--set', 'maxCompletionLength=8'];
    const out = ['--out', at('diverged')];
    const { status, stdout, stderr } = await run(
      'train',
      '--preset',
      'first-lesson',
      '--model',
      at('huge'),
      ...small,
      ...out,
      '--json',
    );
    expect({ status, steps: jsonLines(stdout).map(({ step }) => step) }).toEqual({ status: 1, steps: [0] });
    expect(stderr).toMatch(/\ngrpo: diverged: [^\n]+\n$/);
    const { tensors: written } = readModel(at('diverged')).checkpoint;
    expect([...written]).toEqual([...readModel(at('huge')).checkpoint.tensors]);
    expect(existsSync(at('diverged/run/settings.json'))).toBe(true);
  });
});

describe('loss is that of the reference', { timeout: GPU_MS }, () => {
  const model = roughModel(SMALL, 1);
  const reference = roughModel(SMALL, 2);
  const prompts = ['1,2,3>6<think>', '4,5,7>2<think>'];
  const completions = [
    ['1+2+3=6 yes</think>1+2+3<eos>', '1-2+3=2 no wait 1', '1</think><eos>'],
    ['4+5-7=2 yes</think>4+5-7<eos>', '4', '5-4+7=8 no wait 7-5+4=6 no</think>'],
  ];
  const rewards = [
    [1.1, 0, 0.1],
    [1.1, -0.5, 0.3],
  ];

  it.each<{ name: string; options: Partial<GrpoOptions>; old: boolean; ref: boolean }>([
    { name: 'dapo, pulled to another base', options: { beta: 0.5 }, old: false, ref: true },
    {
      name: 'grpo with one ratio a completion, at a temperature',
      options: { lossType: 'grpo', importanceSamplingLevel: 'sequence', temperature: 0.8 },
      old: true,
      ref: true,
    },
    {
      name: 'dr_grpo with capped ratios, without truncated completions',
      options: { lossType: 'dr_grpo', delta: 1.5, maskTruncatedCompletions: true },
      old: true,
      ref: false,
    },
    {
      name: 'cispo with the leave-one-out baseline',
      options: { lossType: 'cispo', advantageEstimator: 'rloo', beta: 0, epsilonHigh: 2 },
      old: true,
      ref: false,
    },
    { name: 'sapo, scaled by the batch', options: { lossType: 'sapo', scaleRewards: 'batch' }, old: true, ref: true },
    {
      name: 'the most uncertain tokens, with a bonus for uncertainty',
      options: { topEntropyQuantile: 0.4, entropyCoef: 0.1, advantageEstimator: 'reinforce' },
      old: true,
      ref: true,
    },
    { name: 'ppo', options: { advantageEstimator: 'ppo', gamma: 0.9, lam: 0.8 }, old: true, ref: true },
  ])('for $name', async ({ options: changed, old, ref }) => {
    writeModel('policy', model);
    writeModel('reference', reference);
    const options = resolveOptions({ ...changed, numGenerations: 3 });
    const random = new Random(5);
    const samples = prompts.flatMap((prompt, p) => completions[p]!.map((completion) => ({ prompt, completion })));
    const scored = samples.map(({ prompt, completion }) => policy(model, prompt, completion, options.temperature));
    const oldLogProbs = scored.map(({ logProbs: current }) =>
      Array.from(current, (value) => value + 0.3 * random.normal()),
    );
    const rollout = {
      prompts,
      completions,
      rewards,
      ...(old && { oldLogprobs: [oldLogProbs.slice(0, 3), oldLogProbs.slice(3)] }),
    };
    writeFileSync(at('rollout.json'), JSON.stringify(rollout));
    const set = Object.entries(changed).flatMap(([name, value]) => ['--set', `${name}=${String(value)}`]);
    const [line] = await linesOf('loss', '--model', at('policy'), '--rollout', at('rollout.json'), ...(ref ? ['--ref', at('reference')] : []), ...set); // prettier-ignore

    const zeros = scored.map(({ logProbs }) => new Float64Array(logProbs.length));
    const ofTokens = options.advantageEstimator === 'ppo' ? estimates(zeros, rewards.flat(), options).advantages : null;
    const mean = (row: Float64Array): number => row.reduce((sum, value) => sum + value, 0) / row.length;
    const advantage = ofTokens?.map(mean) ?? advantages(rewards.flat(), 3, options);
    const expected = grpoLoss(
      {
        logProbs: scored.map((sample) => sample.logProbs),
        oldLogProbs: old ? oldLogProbs : null,
        refLogProbs: samples.map(
          ({ prompt, completion }) => policy(ref ? reference : model, prompt, completion, options.temperature).logProbs,
        ),
        entropies: scored.map((sample) => sample.entropies),
        advantages: ofTokens ?? advantage,
        truncated: samples.map(({ completion }) => !completion.endsWith('<eos>')),
      },
      options,
    );
    const gradients = new Map<string, Float64Array>();
    scored.forEach((sample, index) => {
      for (const [name, gradient] of sample.backward(expected.dLogProbs[index]!, expected.dEntropies[index]!)) {
        gradients.set(
          name,
          gradient.map((value, i) => value + (gradients.get(name)?.[i] ?? 0)),
        );
      }
    });
    const norm = (values: Iterable<number>): number => Math.hypot(...values);

    expectClose('loss', [line?.['loss'] as number], [expected.loss], { atol: 1e-5 });
    expectClose('advantages', (line?.['advantages'] as number[][]).flat(), advantage, { atol: 1e-5 });
    const tokenAdvantages = (line?.['token_advantages'] as number[][][] | undefined)?.flat();
    expect(tokenAdvantages?.map((row) => row.length)).toEqual(ofTokens?.map((row) => row.length));
    tokenAdvantages?.forEach((row, i) => expectClose('advantages of tokens', row, ofTokens![i]!, { atol: 1e-5 }));
    const norms = line?.['grad_norms'] as Record<string, number>;
    expect(Object.keys(norms)).toEqual([...gradients.keys()]);
    const expectedNorms = [...gradients.values()].map(norm);
    expectClose('grad_norms', Object.values(norms), expectedNorms, { rtol: 1e-4 });
    expectClose('grad_norm', [line?.['grad_norm'] as number], [norm(expectedNorms)], { rtol: 1e-4 });
    const metrics = line?.['metrics'] as Record<string, number>;
    expectClose('policy_loss', [metrics['policy_loss']!], [expected.policyLoss], { atol: 1e-5 });
    expectClose('entropy', [metrics['entropy']!], [expected.entropy], { atol: 1e-4 });
    expectClose('kl', [metrics['kl']!], [options.beta > 0 ? expected.kl : 0], { atol: 1e-4 });
    const { low, high } = expected.clipRatio ?? { low: 0, high: 0 };
    const names = ['clip_ratio/low_mean', 'clip_ratio/high_mean'];
    expectClose('clip ratios', names.map((name) => metrics[name]!), [low, high], { atol: 1e-6 }); // prettier-ignore
  });
});

/** Of the completion's tokens, by the f64 reference: log-probs, entropies, and from dloss/dlogp and dloss/dentropy to the gradient of every tensor. */
function policy({ config, tensors }: Checkpoint, prompt: string, completion: string, temperature: number) {
  const first = promptIds(tokenizer, prompt).length - 1;
  const ids = promptIds(tokenizer, prompt + completion);
  const [inputs, targets] = [ids.slice(0, -1), ids.slice(1)];
  const logits = forward(config, tensors, inputs);
  const all = logProbs(logits, targets, config.vocabSize, temperature);
  return {
    logProbs: all.logProbs.slice(first),
    entropies: all.entropies.slice(first),
    backward: (dLogProbs: Float64Array, dEntropies: Float64Array) => {
      const withPrompt = (d: Float64Array): number[] => [...new Float64Array(first), ...d];
      const { vocabSize } = config;
      const ofEntropies = entropiesBackward(logits, vocabSize, temperature, withPrompt(dEntropies));
      const dLogits = logProbsBackward(logits, targets, vocabSize, temperature, withPrompt(dLogProbs));
      return backward(config, tensors, inputs, dLogits.map((d, at) => d + ofEntropies[at]!)); // prettier-ignore
    },
  };
}
