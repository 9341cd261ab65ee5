/**
 * Schedules as bytes and as a string that can be pasted.
 *
 * A schedule is the list of decisions: the actor picked at each step where more than
 * one could have moved. Bytes: runs of one actor as two LEB128 numbers, actor then
 * length. String: `s1.` (the format's version) and the bytes in base64url.
 */

import { InputError } from '../core/errors.ts';

const prefix = 's1.';

/** Collects decisions as bytes, run by run. */
export class ScheduleWriter {
  private bytes = new Uint8Array(64);
  private used = 0;
  private actor = -1;
  private run = 0;
  /** Decisions so far. */
  count = 0;

  push(actor: number): void {
    this.count += 1;
    if (actor === this.actor) {
      this.run += 1;
      return;
    }
    this.endRun();
    this.actor = actor;
    this.run = 1;
  }

  /** The bytes collected since the last call; the next run starts afresh. */
  take(): Uint8Array {
    this.endRun();
    this.actor = -1;
    this.run = 0;
    const taken = this.bytes.slice(0, this.used);
    this.used = 0;
    return taken;
  }

  private endRun(): void {
    if (this.run === 0) return;
    this.put(this.actor);
    this.put(this.run);
  }

  private put(value: number): void {
    if (this.used + 5 > this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.used++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.used++] = rest;
  }
}

/** The runs behind schedule bytes: an actor, and how many decisions in a row picked it. */
export function* runsOf(bytes: Uint8Array): Generator<readonly [actor: number, length: number], void, undefined> {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 28)
        throw new InputError('the schedule is cut short: it ends in the middle of a number');
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  };
  while (at < bytes.length) {
    const actor = next();
    yield [actor, next()];
  }
}

/** The decisions behind schedule bytes. */
export function* decisionsOf(bytes: Uint8Array): Generator<number, void, undefined> {
  for (const [actor, length] of runsOf(bytes)) for (let left = length; left > 0; left -= 1) yield actor;
}

/** A schedule as a string. */
export function formatSchedule(bytes: Uint8Array): string {
  return prefix + Buffer.from(bytes).toString('base64url');
}

/** @throws {InputError} when the string is no schedule of this version */
export function parseSchedule(text: string): Uint8Array {
  const shown = text.length > 20 ? `${text.slice(0, 20)}…` : text;
  if (!text.startsWith(prefix)) throw new InputError(`"${shown}" is no schedule: it must start with "${prefix}"`);
  if (!/^[\w-]*$/.test(text.slice(prefix.length))) {
    throw new InputError(`"${shown}" is no schedule: it has a character that is not base64url; paste it whole`);
  }
  const bytes = new Uint8Array(Buffer.from(text.slice(prefix.length), 'base64url'));
  for (const _ of decisionsOf(bytes)) break;
  return bytes;
}
