import { createHash, type Hash } from 'node:crypto';

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

  /** Adds an event, given as its encoder lays it out in a row: the kind's number and how many integers it has. */
  add(kind: number, integers: number, actor: number, tick: number, row: readonly unknown[], at: number, blob: Uint8Array | null): void {
    if (this.used + reserve > bufferSize) this.drain();
    this.put(kind);
    this.put(actor);
    this.put(tick - this.tick);
    this.tick = tick;
    for (let i = at; i < at + integers; i += 1) this.put(row[i] as number);
    if (blob !== null) this.putBytes(blob);
  }

  private putBytes(bytes: Uint8Array): void {
    this.put(bytes.length);
    if (this.used + bytes.length > bufferSize) this.drain();
    if (bytes.length > bufferSize) this.hash.update(bytes);
    else {
      this.buffer.set(bytes, this.used);
      this.used += bytes.length;
    }
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

  /** LEB128. Numbers are below 2^53, so the upper part is not for bit operators. */
  private put(value: number): void {
    if (value < 0x80) {
      this.buffer[this.used++] = value;
      return;
    }
    const { buffer } = this;
    let rest = value;
    let { used } = this;
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
    this.used = used;
  }
}
