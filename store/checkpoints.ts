/**
 * Worlds at some events, kept beside a file of recordings so that a seek need not fold from the start. An aid, never
 * truth: a world is kept under the digest of the events that lead to it, with a hash over both, and what does not
 * agree counts as not there. The file can be deleted at any time.
 */
import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { modelVersion } from '../core/events.ts';
import type { World } from '../core/world.ts';
import { openCheckpoints, type Database } from './database.ts';

/** Events between two checkpoints. */
export const eventsPerCheckpoint = 8_192;

/** What is kept in memory where no file can be written, in bytes. */
const memoryMax = 64 * 2 ** 20;
/** What is kept in a file, in bytes. */
const fileMax = 512 * 2 ** 20;

/** What a checkpoint's hash covers. */
function hashOf(digest: string, world: Uint8Array): string {
  return createHash('sha256').update(`${modelVersion} ${digest}\n`).update(world).digest('hex');
}

/** A world as bytes. */
const encode = (world: World): Uint8Array => deflateRawSync(serialize(world), { level: 1 });

/** The checkpoints of a file's sessions. */
export class Checkpoints {
  /** `FILE-checkpoints`. */
  readonly file: string;
  private db: Database | undefined;
  private tried = false;
  private readonly memory = new Map<string, Uint8Array>();
  private used = 0;

  constructor(file: string) {
    this.file = `${file}-checkpoints`;
  }

  /** The world after the events that have that digest, a copy; undefined when none is kept or it is damaged. */
  find(digest: string): World | undefined {
    const kept = this.memory.get(digest);
    if (kept !== undefined) return deserialize(inflateRawSync(kept)) as World;
    try {
      const row = this.open(false)?.prepare('SELECT hash, world FROM checkpoints WHERE digest = ?').get(digest) as
        { hash: string; world: Uint8Array } | undefined;
      if (row === undefined || row.hash !== hashOf(digest, row.world)) return undefined;
      return deserialize(inflateRawSync(row.world)) as World;
    } catch {
      return undefined;
    }
  }

  /** Keeps a world, in the file or else in memory. */
  keep(digest: string, world: World): void {
    const bytes = encode(world);
    try {
      const db = this.open(true);
      if (db !== undefined && size(db) < fileMax) {
        db.prepare('REPLACE INTO checkpoints VALUES (?, ?, ?)').run(digest, hashOf(digest, bytes), bytes);
        return;
      }
    } catch {
      // Another process has it, or it is damaged, or the disk is full.
    }
    this.memory.set(digest, bytes);
    this.used += bytes.length;
    for (const [oldest, old] of this.memory) {
      if (this.used <= memoryMax) break;
      this.memory.delete(oldest);
      this.used -= old.length;
    }
  }

  close(): void {
    this.db?.close();
    this.db = undefined;
  }

  private open(create: boolean): Database | undefined {
    if (this.db === undefined && !(this.tried && !create)) {
      this.tried = true;
      this.db = openCheckpoints(this.file, create);
    }
    return this.db;
  }
}

function size(db: Database): number {
  return Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }));
}
