import type { AnyEvent } from '../core/events.ts';
import { encoders, integerColumns } from './codec.ts';

/** Numbers of one event in a batch: kind, actor, tick, length of the blob or -1, then the integers. */
export const batchColumns: number = 4 + integerColumns.length;
export const batchKind = 0;
export const batchActor = 1;
export const batchTick = 2;
export const batchBlob = 3;
export const batchIntegers = 4;

/** What travels to where the rows are written. */
export interface BatchData {
  readonly count: number;
  readonly numbers: Float64Array<ArrayBuffer>;
  /** All blobs, one behind the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Events on their way into the file: two flat arrays, so that adding one allocates nothing. */
export class Batch {
  count = 0;
  numbers: Float64Array<ArrayBuffer>;
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 14);
  /** Bytes in use. */
  used = 0;
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.numbers = new Float64Array(capacity * batchColumns);
  }

  get full(): boolean {
    return this.count === this.capacity;
  }

  /** Adds an event whose kind has that number; evaluates to where in `numbers` it lies. */
  add(event: AnyEvent, kind: number, actor: number, tick: number): number {
    const { numbers } = this;
    const at = this.count * batchColumns;
    numbers[at] = kind;
    numbers[at + batchActor] = actor;
    numbers[at + batchTick] = tick;
    const blob = encoders[kind]!(event, numbers, at + batchIntegers);
    numbers[at + batchBlob] = blob === null ? -1 : blob.length;
    if (blob !== null) this.append(blob);
    this.count += 1;
    return at;
  }

  private append(blob: Uint8Array): void {
    if (this.used + blob.length > this.bytes.length) {
      const larger = new Uint8Array(2 * (this.used + blob.length));
      larger.set(this.bytes.subarray(0, this.used));
      this.bytes = larger;
    }
    this.bytes.set(blob, this.used);
    this.used += blob.length;
  }

  /** Empties the batch without giving its memory away. */
  clear(): void {
    this.count = 0;
    this.used = 0;
  }

  /** Hands the contents over and starts afresh with memory of its own. */
  take(): BatchData {
    const data = { count: this.count, numbers: this.numbers, bytes: this.bytes };
    this.numbers = new Float64Array(this.capacity * batchColumns);
    this.bytes = new Uint8Array(1 << 14);
    this.clear();
    return data;
  }
}
