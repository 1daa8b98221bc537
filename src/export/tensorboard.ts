// The run's log as TensorBoard reads it: an event file, a series of records, each
//   length u64, masked crc32c of the length, an Event as a protobuf, masked crc32c of the Event        (little-endian)
// https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h. Tags are those that Trainer and TRL
// log, train/reward and eval/accuracy, so that a run of TRL lies over this one.
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { LoggedStep } from './run-log.ts';
import { EventSchema } from './tensorboard/event_pb.js';

/** Its records one after the other are a whole event file, first `header`, then one a step. */
export class EventLog {
  /** Seconds from the run's begin: the same run gives the same bytes. */
  #wallTime = 0;

  header(): Uint8Array {
    return record({ what: { case: 'fileVersion', value: 'brain.Event:2' } });
  }

  /** All metrics of a step. TensorBoard shows a NaN as such. */
  step({ step, metrics }: LoggedStep): Uint8Array {
    this.#wallTime += metrics['step_time'] ?? 0;
    const value = Object.entries(metrics).map(([name, simpleValue]) => ({
      tag: name.startsWith('eval/') ? name : `train/${name}`,
      value: { case: 'simpleValue' as const, value: simpleValue },
    }));
    return record({ wallTime: this.#wallTime, step: BigInt(step), what: { case: 'summary', value: { value } } });
  }
}

/** A whole event file. */
export function eventFile(log: readonly LoggedStep[]): Uint8Array {
  const events = new EventLog();
  return concatenate([events.header(), ...log.map((step) => events.step(step))]);
}

function record(event: MessageInitShape<typeof EventSchema>): Uint8Array {
  const data = toBinary(EventSchema, create(EventSchema, event));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(data.length), true);
  return concatenate([length, checksum(length), data, checksum(data)]);
}

/** Masked, so that a record within a record's data does not look like one. */
function checksum(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  const masked = ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
  const file = new Uint8Array(4);
  new DataView(file.buffer).setUint32(0, masked, true);
  return file;
}

/** Castagnoli's CRC (RFC 3720, appendix B.4), which no package at hand has: bits reversed, polynomial 0x1edc6f41. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] as number);
  return ~crc >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
