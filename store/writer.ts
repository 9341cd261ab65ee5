import type { AnyEvent } from '../core/events.ts';
import { Batch } from './batch.ts';
import { layouts } from './codec.ts';
import { closeRecording, explained, openForRecording, type Database } from './database.ts';
import { Digest } from './digest.ts';
import { Inserter, transaction, type Progress } from './inserter.ts';
import type { World } from '../core/world.ts';
import { encodeWorld } from './world-codec.ts';
import { InsertThread, threadsAvailable } from './thread.ts';

/** What a session is recorded from. */
export interface SessionHead {
  readonly title: string;
  readonly scenario: string;
  readonly scenarioVersion: string;
  readonly modelVersion: number;
  readonly seed: string;
  readonly strategy: string;
  readonly options: string;
  readonly maxSteps: number;
  readonly startedAt: string;
  readonly dextrace: string;
  readonly node: string;
}

/** A finding's row. */
export interface FindingRow {
  readonly rule: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly seq: number;
  readonly actors: readonly number[];
}

/** Rows in one transaction: more are no faster, and these are what a kill can lose. */
const rowsPerCommit = 4_000;
/** From that many events on a thread of its own inserts them; for fewer it is not worth starting. */
const threadFrom = 10 * rowsPerCommit;

/** Events between two checkpoints: few enough that a seek is quick, many enough that they cost next to nothing. */
const eventsPerCheckpoint = 250_000;

/** Digests events on their way to nowhere: for runs that are not stored. */
export class DigestWriter {
  protected readonly digest = new Digest();
  protected readonly batch = new Batch(rowsPerCommit);

  /** Adds an event. Evaluates to whether it is time to commit. */
  add(event: AnyEvent, kind: number, actor: number, tick: number): boolean {
    const at = this.batch.add(event, kind, actor, tick);
    this.digest.add(this.batch, at, layouts[kind]!.integers.length);
    return this.batch.full;
  }

  /** SHA-256 of the events so far, in hexadecimal. */
  digestValue(): string {
    return this.digest.value();
  }

  /** Ends a batch: how far the run is, the schedule bytes since the last commit, and the world just before the last event added. */
  commit(_steps: number, _decisions: number, _chunk: Uint8Array, _world: World | undefined): void {
    this.batch.clear();
  }
}

/** A file that a session is being written into. */
interface OpenFile {
  readonly db: Database;
  readonly session: number;
  readonly inserter: Inserter;
}

/** Writes one session into a file. It counts as interrupted until {@link SessionWriter.finish}. */
export class SessionWriter extends DigestWriter {
  private readonly file: string;
  private readonly head: SessionHead;
  private opened: OpenFile | undefined;
  private thread: InsertThread | undefined;
  private actors: { id: number; name: string; role: string }[] = [];
  private events = 0;
  private nextCheckpoint = eventsPerCheckpoint;

  constructor(file: string, head: SessionHead) {
    super();
    this.file = file;
    this.head = head;
  }

  /** Opens the file and begins the session, unless that is done; evaluates to its number. @throws {InputError} when the file cannot be written */
  open(): number {
    return this.openFile().session;
  }

  override add(event: AnyEvent, kind: number, actor: number, tick: number): boolean {
    if (event.kind === 'actor.create') this.actors.push({ id: event.actor, name: event.name, role: event.role });
    this.events += 1;
    return super.add(event, kind, actor, tick);
  }

  /** Writes what has been added, all or nothing. @throws {InputError} when the file cannot take it */
  override commit(steps: number, decisions: number, chunk: Uint8Array, world: World | undefined): void {
    const { events, actors } = this;
    const digest = this.digest.value();
    const checkpoint =
      world !== undefined && this.checkpointDue() ? { events: events - 1, world: encodeWorld(world) } : undefined;
    const progress: Progress = { events, steps, decisions, chunk, digest, actors, checkpoint };
    this.actors = [];
    if (this.thread !== undefined) {
      this.thread.insert(this.batch.take(), progress);
      return;
    }
    const { inserter, session } = this.openFile();
    inserter.insert(this.batch, progress);
    this.batch.clear();
    if (events >= threadFrom && threadsAvailable()) {
      this.thread = new InsertThread(this.file, session, events, decisions);
    }
  }

  /** Ends the session with its outcome and findings, and closes the file. */
  finish(outcome: string, findings: readonly FindingRow[], endedAt: string): void {
    this.join();
    const { db, session } = this.openFile();
    transaction(this.file, db, () => {
      const insert = db.prepare('INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?)');
      findings.forEach(({ rule, severity, message, seq, actors }, number) => {
        insert.run(session, number, rule, severity, message, seq, JSON.stringify(actors));
      });
      db.prepare('UPDATE sessions SET outcome = ?, ended_at = ? WHERE id = ?').run(outcome, endedAt, session);
    });
    this.close();
  }

  /** Closes the file; without {@link finish} the session stays interrupted. */
  close(): void {
    if (this.opened?.db.open !== true) return;
    try {
      this.join();
    } finally {
      closeRecording(this.opened.db);
    }
  }

  private checkpointDue(): boolean {
    if (this.events < this.nextCheckpoint) return false;
    this.nextCheckpoint += eventsPerCheckpoint;
    return true;
  }

  private join(): void {
    const { thread } = this;
    this.thread = undefined;
    thread?.close();
  }

  private openFile(): OpenFile {
    if (this.opened === undefined) {
      const db = openForRecording(this.file);
      const session = explained(this.file, () => begin(db, this.head));
      this.opened = { db, session, inserter: new Inserter(this.file, db, session, 0, 0) };
    }
    return this.opened;
  }
}

function begin(db: Database, head: SessionHead): number {
  const insert = db.prepare(
    `INSERT INTO sessions (title, scenario, scenario_version, model_version, seed, strategy, options, max_steps, started_at, dextrace, node)
     VALUES (@title, @scenario, @scenarioVersion, @modelVersion, @seed, @strategy, @options, @maxSteps, @startedAt, @dextrace, @node)`,
  );
  return Number(insert.run({ ...head }).lastInsertRowid);
}
