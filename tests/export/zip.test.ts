import fc from 'fast-check';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { PlaygroundError } from '../../src/base/errors.ts';
import { readModelFolder } from '../../src/export/hugging-face.ts';
import { runName } from '../../src/export/run-log.ts';
import { exportRun, readZip, type RunExport } from '../../src/export/zip.ts';
import { DEFAULT_OPTIONS } from '../../src/grpo/options.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';
import { randomCheckpoint } from './model.ts';

const run: RunExport = {
  checkpoint: randomCheckpoint(),
  tokenizer: new Tokenizer(),
  settings: { preset: 'aha', task: 'countdown', seed: 1, steps: 250, options: DEFAULT_OPTIONS },
  step: 2,
  log: [
    { step: 1, metrics: { reward: 0.25 } },
    { step: 2, metrics: { reward: 0.5 } },
  ],
  completions: [{ step: 2, prompt: '4,5>9<think>', completion: '4+5=9 yes', rewards: { accuracy: 1 }, advantage: 0.5 }],
  card: '# A card\n',
};

function complaint(bytes: Uint8Array): string {
  try {
    readZip(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(PlaygroundError);
    expect((error as PlaygroundError).name).toBe('bad-checkpoint');
    return (error as PlaygroundError).message;
  }
  return 'it was read';
}

/** The little-endian numbers at `offset` of every record that starts with `signature`, replaced. */
function patched(zip: Uint8Array, signature: number, offset: number, value: number): Uint8Array {
  const copy = Uint8Array.from(zip);
  const view = new DataView(copy.buffer);
  for (let at = 0; at + 4 <= copy.length; at++) {
    if (view.getUint32(at, true) === signature) view.setUint32(at + offset, value, true);
  }
  return copy;
}
const CENTRAL = 0x02014b50;
const UNPACKED_SIZE = 24;

describe('the zip of a run', () => {
  it('has one top folder with the model at its root and the run in run/', () => {
    const folder = 'grpo-countdown-aha-seed1-step2';
    expect(runName(run.settings, run.step)).toBe(folder);
    expect(Object.keys(unzipSync(exportRun(run))).sort()).toEqual(
      [
        'README.md',
        'config.json',
        'generation_config.json',
        'model.safetensors',
        'run/completions.jsonl',
        'run/log.jsonl',
        'run/settings.json',
        'tokenizer.json',
        'tokenizer_config.json',
      ].map((path) => `${folder}/${path}`),
    );
  });

  it('is read back as the same model and logs', () => {
    const files = readZip(exportRun(run));
    expect(readModelFolder(files).checkpoint).toEqual(run.checkpoint);
    const log = new TextDecoder().decode(files.get('run/log.jsonl'));
    expect(log).toBe('{"step":1,"reward":0.25}\n{"step":2,"reward":0.5}\n');
    expect(new TextDecoder().decode(files.get('README.md'))).toBe('# A card\n');
  });

  it('is the same to the byte for the same run', () => {
    expect(exportRun(run)).toEqual(exportRun(run));
  });

  it('is also read without a top folder, with entries for folders, and with what macOS adds', () => {
    const file = strToU8('1');
    expect([...readZip(zipSync({ 'config.json': file, 'run/log.jsonl': file })).keys()]).toEqual([
      'config.json',
      'run/log.jsonl',
    ]);
    const packed = zipSync({
      'model/': new Uint8Array(0),
      'model/config.json': file,
      '__MACOSX/model/._config.json': file,
    });
    expect([...readZip(packed).keys()]).toEqual(['config.json']);
    expect(readZip(zipSync({})).size).toBe(0);
  });

  it.each(['../evil', 'a/../../evil', '/etc/evil', 'C:/evil', 'a\\evil', 'a//evil', './evil', 'a\0'])(
    'refuses the path %j',
    (path) => {
      expect(complaint(zipSync({ [path]: strToU8('1') }))).toContain('every path in the zip must lie within it');
    },
  );

  it('refuses a path that comes twice', () => {
    const zip = Buffer.from(zipSync({ 'a.json': strToU8('1'), 'b.json': strToU8('2') }));
    const twice = Buffer.from(zip.toString('latin1').replaceAll('b.json', 'a.json'), 'latin1');
    expect(complaint(twice)).toContain('must come once, but "a.json" comes twice');
  });

  it('refuses more than 64 MB before unpacking it, in one file or in many', () => {
    const one = zipSync({ a: new Uint8Array(1000) });
    expect(complaint(patched(one, CENTRAL, UNPACKED_SIZE, 65 * 2 ** 20))).toContain('must hold at most 67108864 bytes');
    const three = zipSync({ a: new Uint8Array(9), b: new Uint8Array(9), c: new Uint8Array(9) });
    expect(complaint(patched(three, CENTRAL, UNPACKED_SIZE, 30 * 2 ** 20))).toContain(
      'must hold at most 67108864 bytes',
    );
  });

  it('unpacks no more than a file announces', () => {
    const liar = patched(zipSync({ a: new Uint8Array(1_000_000) }), CENTRAL, UNPACKED_SIZE, 10);
    expect(readZip(liar).get('a')?.length).toBe(10);
  });

  it('refuses what is no zip, or half of one', () => {
    const zip = exportRun(run);
    expect(complaint(new Uint8Array(0))).toContain('the file must be a zip');
    expect(complaint(strToU8('no zip '.repeat(100)))).toContain('the file must be a zip');
    expect(complaint(zip.subarray(0, zip.length / 2))).toContain('the file must be a zip');
  });

  it('throws nothing but bad-checkpoint, however its bytes are changed', () => {
    const zip = exportRun(run);
    const at = fc.oneof(fc.nat(zip.length - 1), fc.integer({ min: zip.length - 1000, max: zip.length - 1 }));
    const change = fc.record({ at, byte: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const changed = Uint8Array.from(zip);
        for (const { at: index, byte } of changes) changed[index] = byte;
        complaint(changed);
      }),
      { numRuns: 300 },
    );
  });
});
