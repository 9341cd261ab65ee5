import { createHash, type Hash } from 'node:crypto';
import { batchActor, batchBlob, batchIntegers, batchTick, type Batch } from './batch.ts';

/** Bytes collected before they go to the hash. */
const bufferSize = 1 << 16;
/** More than any event's numbers need: six fields and five more, of at most eight bytes. */
const reserve = 128;

/** A running SHA-256 over the canonical bytes of events: a session's identity. */
export class Digest {
  private readonly hash: Hash = createHash('sha256');
  private readonly buffer = new Uint8Array(bufferSize);
  private used = 0;
  private tick = 0;

  /** Adds the event that lies at `at` in the batch's numbers; `integers` of its fields are numbers. */
  add(batch: Batch, at: number, integers: number): void {
    if (this.used + reserve > bufferSize) this.drain();
    const { numbers } = batch;
    const { buffer } = this;
    const tick = numbers[at + batchTick]!;
    const blob = numbers[at + batchBlob]!;
    let used = put(buffer, this.used, numbers[at]!);
    used = put(buffer, used, numbers[at + batchActor]!);
    used = put(buffer, used, tick - this.tick);
    this.tick = tick;
    const end = at + batchIntegers + integers;
    for (let i = at + batchIntegers; i < end; i += 1) used = put(buffer, used, numbers[i]!);
    if (blob >= 0) used = put(buffer, used, blob);
    this.used = used;
    if (blob > 0) this.putBytes(batch.bytes.subarray(batch.used - blob, batch.used));
  }

  private putBytes(bytes: Uint8Array): void {
    if (this.used + bytes.length > bufferSize) this.drain();
    if (bytes.length > bufferSize) {
      this.hash.update(bytes);
      return;
    }
    this.buffer.set(bytes, this.used);
    this.used += bytes.length;
  }

  /** The digest of all events so far, in hexadecimal. More can follow. */
  value(): string {
    this.drain();
    return this.hash.copy().digest('hex');
  }

  private drain(): void {
    this.hash.update(this.buffer.subarray(0, this.used));
    this.used = 0;
  }
}

/** LEB128 at `at`; evaluates to where the next byte goes. Numbers are below 2^53, so their upper part is not for bit operators. */
export function put(buffer: Uint8Array, at: number, value: number): number {
  let rest = value;
  let used = at;
  while (rest >= 0x1000_0000) {
    const upper = Math.floor(rest / 128);
    buffer[used++] = (rest - upper * 128) | 0x80;
    rest = upper;
  }
  while (rest >= 0x80) {
    buffer[used++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[used++] = rest;
  return used;
}
