// Sampling with the whole engine: results depend on the seed, the step and the sequence's number alone, and are the model's.
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { Checkpoint, ModelConfig } from '../../src/engine/config.ts';
import { Engine, type SamplingSettings } from '../../src/engine/index.ts';
import { Objective } from '../../src/grpo/objective.ts';
import { resolveOptions } from '../../src/grpo/options.ts';
import { forward } from '../reference/model.ts';
import { openGpu, roughModel } from './open.ts';
import { measureClose } from './worst-errors.ts';

const config: ModelConfig = {
  vocabSize: 23,
  hiddenSize: 32,
  intermediateSize: 48,
  numLayers: 2,
  numHeads: 4,
  maxPositions: 21,
};
const EOS = 5;
const settings: SamplingSettings = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  forbidden: [],
  seed: 11,
  step: 2,
  eos: EOS,
  maxNewTokens: 12,
};

/** Prompts of 1 to 20 tokens, so that some end at the longest sequence before maxNewTokens. */
function randomPrompts(count: number, seed: number): number[][] {
  const random = new Random(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + random.integer(config.maxPositions - 1) }, () => random.integer(config.vocabSize)),
  );
}

// A software adapter takes seconds to compile the whole model.
describe.each(['layered', 'fused'] as const)('generate, %s', { timeout: 60_000 }, (decoder) => {
  let checkpoint: Checkpoint;
  /** All prompts at once, and three at a time. */
  let engine: Engine;
  let narrow: Engine;
  const prompts = randomPrompts(17, 3);

  beforeAll(async () => {
    const gpu = await openGpu();
    checkpoint = roughModel(config, 4);
    engine = await Engine.create(gpu, checkpoint, { maxSequences: 32, maxRows: 64, decoder });
    narrow = await Engine.create(gpu, checkpoint, { maxSequences: 3, maxRows: 64, decoder });
  }, 60_000);

  it('gives the same completions for the same seed, to the bit, and others for another seed or step', async () => {
    const first = await engine.generate(prompts, settings);
    expect(await engine.generate(prompts, settings)).toEqual(first);
    expect(await engine.generate(prompts, { ...settings, seed: 12 })).not.toEqual(first);
    expect(await engine.generate(prompts, { ...settings, step: 3 })).not.toEqual(first);
  });

  it('gives the same completions however many sequences are sampled at once', async () => {
    expect(await narrow.generate(prompts, settings)).toEqual(await engine.generate(prompts, settings));
  });

  it('does not let a completion depend on the other prompts, only on its own and on its number', async () => {
    const first = await engine.generate(prompts, settings);
    const others = randomPrompts(17, 99).map((other, index) => (index === 4 || index === 13 ? prompts[index]! : other));
    const second = await engine.generate(others, settings);
    expect(second[4]).toEqual(first[4]);
    expect(second[13]).toEqual(first[13]);
    const alone = await engine.generate(prompts.slice(0, 1), settings);
    expect(alone[0]).toEqual(first[0]);
  });

  it('gives members of a group different completions of one prompt', async () => {
    const group = await engine.generate(new Array<number[]>(8).fill([1, 2, 3]), settings);
    expect(new Set(group.map(({ ids }) => ids.join())).size).toBeGreaterThan(4);
  });

  it("takes the reference model's likeliest token at temperature 0", async () => {
    const greedy = await engine.generate(prompts, { ...settings, temperature: 0 });
    greedy.forEach(({ ids }, index) => {
      const prompt = prompts[index]!;
      const logits = forward(config, checkpoint.tensors, [...prompt, ...ids]);
      ids.forEach((id, t) => {
        const row = logits.subarray((prompt.length + t - 1) * config.vocabSize).subarray(0, config.vocabSize);
        expect(id, `token ${t} of completion ${index}`).toBe(row.indexOf(Math.max(...row)));
      });
    });
  });

  it('reports log-probs that are those of scoring the whole sequence', async () => {
    const options = resolveOptions({ temperature: 0.7 });
    const objective = await Objective.create(engine, prompts.length, 1);
    const completions = await engine.generate(prompts, { ...settings, temperature: 0.7, topK: 9, topP: 0.9 });
    const samples = completions.map(({ ids, truncated }, index) => ({
      ids: [...prompts[index]!, ...ids],
      promptLength: prompts[index]!.length,
      truncated,
    }));
    const scored = await objective.score(samples, options);
    completions.forEach(({ logProbs }, index) => {
      measureClose('cached decoding', `log-probs of completion ${index}`, logProbs, scored[index]!, { atol: 2e-5 });
    });
  });

  it('ends at eos, at maxNewTokens or at the longest sequence, and calls the last two truncated', async () => {
    const completions = await engine.generate(prompts, { ...settings, maxNewTokens: 9 });
    const ends = { eos: 0, maxNewTokens: 0, longest: 0 };
    completions.forEach(({ ids, logProbs, truncated }, index) => {
      const room = config.maxPositions - prompts[index]!.length;
      const ended = ids.at(-1) === EOS;
      expect(logProbs.length).toBe(ids.length);
      expect(ids.slice(0, -1)).not.toContain(EOS);
      expect(truncated).toBe(!ended);
      if (!ended) expect(ids.length).toBe(Math.min(9, room));
      ends[ended ? 'eos' : room < 9 ? 'longest' : 'maxNewTokens'] += 1;
    });
    expect(Math.min(...Object.values(ends)), JSON.stringify(ends)).toBeGreaterThan(0);
  });

  it('fills a sequence up to the longest, from one token on', async () => {
    const [completion] = await engine.generate([[1]], { ...settings, maxNewTokens: 1000, forbidden: [EOS] });
    expect(completion!.ids.length).toBe(config.maxPositions - 1);
    expect(completion!.truncated).toBe(true);
  });

  it('never draws a forbidden token', async () => {
    const allowed = [2, 3, 21];
    const forbidden = Array.from({ length: config.vocabSize }, (_, id) => id).filter((id) => !allowed.includes(id));
    const completions = await engine.generate(prompts, { ...settings, forbidden });
    expect(new Set(completions.flatMap(({ ids }) => ids))).toEqual(new Set(allowed));
  });

  it('samples nothing for no prompts', async () => {
    expect(await engine.generate([], settings)).toEqual([]);
  });

  it.each([
    ['an empty prompt', [[1], []], {}, /1 to 20 tokens, but one has 0/],
    ['a prompt without room for a completion', [new Array<number>(21).fill(1)], {}, /1 to 20 tokens, but one has 21/],
    ['a token outside the vocabulary', [[1, 23]], {}, /0 to 22, but one is 23/],
    ['a token that is no whole number', [[1.5]], {}, /0 to 22, but one is 1.5/],
    ['every token forbidden', [[1]], { forbidden: Array.from({ length: 23 }, (_, id) => id) }, /allow at least one/],
    ['no new tokens', [[1]], { maxNewTokens: 0 }, /at least 1, but it is 0/],
  ])('refuses %s with bad-settings', async (_, wrong: number[][], changed: Partial<SamplingSettings>, message) => {
    await expect(engine.generate(wrong, { ...settings, ...changed })).rejects.toMatchObject({
      name: 'bad-settings',
      message: expect.stringMatching(message) as string,
    });
  });
});
