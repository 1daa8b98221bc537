// Event files, taken apart again by TensorBoard's own rules.
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { crc32c, eventFile } from '../../src/export/tensorboard.ts';
import { EventSchema, type Event } from '../../src/export/tensorboard/event_pb.js';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The events of a file, each record's checksums verified: masked as rotated right by 15 bits, plus a constant. */
function read(file: Uint8Array): Event[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const expectChecksum = (begin: number, end: number): void => {
    const stored = (view.getUint32(end, true) - 0xa282ead8) >>> 0;
    const unmasked = ((stored << 15) | (stored >>> 17)) >>> 0;
    expect(unmasked).toBe(crc32c(file.subarray(begin, end)));
  };
  const events: Event[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true));
    expectChecksum(at, at + 8);
    expectChecksum(at + 12, at + 12 + length);
    events.push(fromBinary(EventSchema, file.subarray(at + 12, at + 12 + length)));
    at += length + 16;
  }
  return events;
}

describe('crc32c', () => {
  it('gives the values of RFC 3720, appendix B.4', () => {
    expect(crc32c(ascii('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
  });
});

describe('an event file', () => {
  const log = [
    { step: 0, metrics: { 'eval/accuracy': 0.25 } },
    { step: 1, metrics: { step_time: 2, reward: 0.5, 'completions/mean_length': 17 } },
    { step: 2, metrics: { step_time: 0.5, reward: NaN } },
  ];

  it('begins with the version that TensorBoard looks for', () => {
    expect(read(eventFile([]))).toMatchObject([{ what: { case: 'fileVersion', value: 'brain.Event:2' } }]);
  });

  it('holds every metric of every step under the tags of TRL', () => {
    const scalars = read(eventFile(log)).map(({ step, what }) => ({
      step,
      values: what.case === 'summary' ? what.value.value.map(({ tag, value }) => [tag, value.value]) : [],
    }));
    expect(scalars.slice(1)).toEqual([
      { step: 0n, values: [['eval/accuracy', 0.25]] },
      { step: 1n, values: [['train/step_time', 2], ['train/reward', 0.5], ['train/completions/mean_length', 17]] },
      { step: 2n, values: [['train/step_time', 0.5], ['train/reward', NaN]] },
    ]); // prettier-ignore
  });

  it('takes its clock from the steps, so that the same run gives the same bytes', () => {
    expect(read(eventFile(log)).map(({ wallTime }) => wallTime)).toEqual([0, 0, 2, 2.5]);
  });
});
