/** Long rows of numbers that may outgrow memory: what a pool has no room for goes to a temporary file. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A chunk holds 2^12 numbers of 32 bits: small, because every actor has columns of its own. */
const shift = 12;
const chunkLength = 1 << shift;
const mask = chunkLength - 1;
const chunkBytes = 4 * chunkLength;

/** Chunks in memory at once: 64 MiB. */
const defaultRoom = 4_096;

interface Resident {
  readonly column: Column;
  readonly index: number;
}

/** The memory that a few columns share, and the file for the rest. */
export class Pool {
  private readonly room: number;
  private readonly resident: Resident[] = [];
  private folder: string | undefined;
  private file = -1;
  private slots = 0;

  constructor(room: number = defaultRoom) {
    this.room = room;
  }

  /** A new chunk has come into memory; an old one may have to go. */
  admit(column: Column, index: number): void {
    this.resident.push({ column, index });
    for (let tries = this.resident.length; tries > 0 && this.resident.length > this.room; tries -= 1) {
      const oldest = this.resident.shift()!;
      if (!oldest.column.evict(oldest.index)) this.resident.push(oldest);
    }
  }

  /** Puts a chunk into the file; evaluates to where it lies. */
  write(chunk: Uint32Array): number {
    if (this.folder === undefined) {
      this.folder = mkdtempSync(join(tmpdir(), 'dextrace-diff-'));
      this.file = openSync(join(this.folder, 'columns'), 'w+');
    }
    const slot = this.slots++;
    writeSync(this.file, chunk, 0, chunkBytes, slot * chunkBytes);
    return slot;
  }

  read(slot: number): Uint32Array {
    const chunk = new Uint32Array(chunkLength);
    readSync(this.file, chunk, 0, chunkBytes, slot * chunkBytes);
    return chunk;
  }

  /** Takes the file away. */
  close(): void {
    if (this.folder === undefined) return;
    closeSync(this.file);
    rmSync(this.folder, { recursive: true });
    this.folder = undefined;
  }
}

/** A growing row of unsigned 32-bit numbers. */
export class Column {
  length = 0;
  private readonly pool: Pool;
  private readonly chunks: (Uint32Array | undefined)[] = [];
  /** Where in the file full chunks lie; -1 for nowhere yet. */
  private readonly slots: number[] = [];

  constructor(pool: Pool) {
    this.pool = pool;
  }

  push(value: number): void {
    const at = this.length & mask;
    if (at === 0) {
      this.chunks.push(new Uint32Array(chunkLength));
      this.slots.push(-1);
      this.pool.admit(this, this.chunks.length - 1);
    }
    this.chunks[this.length >>> shift]![at] = value;
    this.length += 1;
  }

  get(index: number): number {
    return (this.chunks[index >>> shift] ?? this.load(index >>> shift))[index & mask]!;
  }

  /** Gives a chunk's memory back, unless it is still being written; evaluates to whether it did. */
  evict(index: number): boolean {
    if ((index + 1) * chunkLength > this.length) return false;
    const chunk = this.chunks[index];
    if (chunk === undefined) return true;
    if (this.slots[index] === -1) this.slots[index] = this.pool.write(chunk);
    this.chunks[index] = undefined;
    return true;
  }

  private load(index: number): Uint32Array {
    const chunk = this.pool.read(this.slots[index]!);
    this.chunks[index] = chunk;
    this.pool.admit(this, index);
    return chunk;
  }
}
