import type { Statement } from 'better-sqlite3';
import { batchActor, batchBlob, batchColumns, batchIntegers, batchTick, type BatchData } from './batch.ts';
import { integerColumns, layouts } from './codec.ts';
import { explained, type Database } from './database.ts';
import { eventsPerSession } from './schema.ts';
import type { ActorRow } from './seal.ts';

/** How far a session was at some event, and the digest up to there. */
export interface Mark {
  readonly events: number;
  readonly steps: number;
  readonly decisions: number;
  readonly digest: string;
}

/** What a commit says of the session beside its events. */
export interface Progress {
  readonly events: number;
  readonly steps: number;
  readonly decisions: number;
  /** The schedule bytes of the decisions since the last commit. */
  readonly chunk: Uint8Array;
  readonly digest: string;
  readonly seal: string;
  readonly actors: readonly ActorRow[];
  readonly marks: readonly Mark[];
}

/** Columns before the integers: id, tick, actor, kind. */
const lead = 4;
const columns = lead + integerColumns.length + 1;
/** Rows in one INSERT: more are no faster. */
const rowsPerStatement = 50;

const insertOf = (rows: number): string =>
  `INSERT INTO events VALUES ${Array.from({ length: rows }, () => `(${Array.from({ length: columns }, () => '?').join(',')})`).join(',')}`;

/** Puts batches of events into a session, each all or nothing. */
export class Inserter {
  private readonly file: string;
  private readonly db: Database;
  private readonly session: number;
  private readonly insertMany: Statement;
  private readonly insertOne: Statement;
  private readonly insertActor: Statement;
  private readonly insertDecisions: Statement;
  private readonly insertMark: Statement;
  private readonly update: Statement;
  private readonly many: unknown[] = new Array<unknown>(rowsPerStatement * columns).fill(null);
  private readonly one: unknown[] = new Array<unknown>(columns).fill(null);
  private events: number;
  private decisions: number;
  /** Why a batch is not in the file: none may follow it, for there would be a gap. */
  private failure: Error | undefined;

  /** Continues a session that already has that many events and decisions. */
  constructor(file: string, db: Database, session: number, events: number, decisions: number) {
    this.file = file;
    this.db = db;
    this.session = session;
    this.events = events;
    this.decisions = decisions;
    this.insertMany = db.prepare(insertOf(rowsPerStatement));
    this.insertOne = db.prepare(insertOf(1));
    this.insertActor = db.prepare('INSERT INTO actors VALUES (?, ?, ?, ?)');
    this.insertDecisions = db.prepare('INSERT INTO decisions VALUES (?, ?, ?)');
    this.insertMark = db.prepare('INSERT INTO marks VALUES (?, ?, ?, ?, ?)');
    this.update = db.prepare(
      'UPDATE sessions SET events = ?, steps = ?, decisions = ?, digest = ?, seal = ? WHERE id = ?',
    );
  }

  /** @throws {InputError} when the file cannot take it, or an earlier one; then nothing of the batch is in it */
  insert(batch: BatchData, progress: Progress): void {
    if (this.failure !== undefined) throw this.failure;
    try {
      transaction(this.file, this.db, () => this.insertAll(batch, progress));
    } catch (error) {
      this.failure = error as Error;
      throw error;
    }
    this.events += batch.count;
    this.decisions = progress.decisions;
  }

  private insertAll(batch: BatchData, progress: Progress): void {
    this.insertEvents(batch);
    for (const { id, name, role } of progress.actors) this.insertActor.run(this.session, id, name, role);
    if (progress.chunk.length > 0) this.insertDecisions.run(this.session, this.decisions, progress.chunk);
    for (const { events, steps, decisions, digest } of progress.marks)
      this.insertMark.run(this.session, events, steps, decisions, digest);
    const { events, steps, decisions, digest, seal } = progress;
    this.update.run(events, steps, decisions, digest, seal, this.session);
  }

  private insertEvents({ count, numbers, bytes }: BatchData): void {
    const whole = count - (count % rowsPerStatement);
    let blobAt = 0;
    for (let i = 0; i < count; i += 1) {
      const grouped = i < whole;
      const args = grouped ? this.many : this.one;
      const inGroup = grouped ? i % rowsPerStatement : 0;
      blobAt = this.row(args, inGroup * columns, i, numbers, bytes, blobAt);
      if (!grouped) this.insertOne.run(args);
      else if (inGroup === rowsPerStatement - 1) this.insertMany.run(args);
    }
  }

  /** Lays out one row; evaluates to where the next blob lies. */
  private row(
    args: unknown[],
    to: number,
    index: number,
    numbers: Float64Array,
    bytes: Uint8Array,
    blobAt: number,
  ): number {
    const at = index * batchColumns;
    const kind = numbers[at]!;
    args[to] = this.session * eventsPerSession + this.events + index;
    args[to + 1] = numbers[at + batchTick];
    args[to + 2] = numbers[at + batchActor];
    args[to + 3] = kind;
    const used = layouts[kind]!.integers.length;
    for (let i = 0; i < integerColumns.length; i += 1)
      args[to + lead + i] = i < used ? numbers[at + batchIntegers + i] : null;
    const length = numbers[at + batchBlob]!;
    args[to + columns - 1] = length < 0 ? null : bytes.subarray(blobAt, blobAt + length);
    return blobAt + Math.max(length, 0);
  }
}

/** Does the work in a transaction of its own. @throws {InputError} when the file cannot take it */
export function transaction(file: string, db: Database, work: () => void): void {
  explained(file, () => {
    db.exec('BEGIN IMMEDIATE');
    try {
      work();
      db.exec('COMMIT');
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  });
}
