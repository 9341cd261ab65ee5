import type { AnyEvent } from '../core/events.ts';
import { Batch } from './batch.ts';
import { layouts } from './codec.ts';
import { closeRecording, explained, openForRecording, type Database } from './database.ts';
import { Digest } from './digest.ts';
import { Inserter, transaction, type Mark, type Progress } from './inserter.ts';
import type { SessionRow } from './reader.ts';
import { Seal, type ActorRow } from './seal.ts';
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

/** Events between two marks: few enough that little is lost with a damaged event, many enough that they cost next to nothing. */
const eventsPerMark = 256;

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

  /** Ends a batch: how far the run is, and the schedule bytes since the last commit. */
  commit(_steps: number, _decisions: number, _chunk: Uint8Array): void {
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
  private readonly seal = new Seal();
  /** The session's row as it is in the file, without its seal. */
  private row: Omit<SessionRow, 'seal'> | undefined;
  private actors: ActorRow[] = [];
  private marks: Mark[] = [];
  private events = 0;

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

  /** Whether the event just added is one after which a mark belongs. */
  get markDue(): boolean {
    return this.events % eventsPerMark === 0;
  }

  /** Notes how far the run is. */
  mark(steps: number, decisions: number): void {
    this.marks.push({ events: this.events, steps, decisions, digest: this.digest.value() });
  }

  /** Writes what has been added, all or nothing. @throws {InputError} when the file cannot take it */
  override commit(steps: number, decisions: number, chunk: Uint8Array): void {
    const { events, actors, marks } = this;
    const { inserter, session } = this.openFile();
    const digest = this.digest.value();
    for (const actor of actors) this.seal.actor(actor);
    for (const mark of marks) this.seal.mark(mark);
    if (chunk.length > 0) this.seal.chunk(this.row!.decisions, chunk);
    this.row = { ...this.row!, events, steps, decisions, digest };
    const seal = this.seal.value(this.row, []);
    const progress: Progress = { events, steps, decisions, chunk, digest, seal, actors, marks };
    this.actors = [];
    this.marks = [];
    if (this.thread !== undefined) {
      this.thread.insert(this.batch.take(), progress);
      return;
    }
    inserter.insert(this.batch, progress);
    this.batch.clear();
    if (events >= threadFrom && threadsAvailable()) {
      this.thread = new InsertThread(this.file, session, events, decisions);
    }
  }

  /** Ends the session with its outcome, its result as JSON, and its findings, and closes the file. */
  finish(
    outcome: SessionRow['outcome'],
    result: string | undefined,
    findings: readonly FindingRow[],
    endedAt: string,
  ): void {
    this.join();
    const { db, session } = this.openFile();
    this.row = { ...this.row!, outcome, result: result ?? null, ended_at: endedAt };
    const seal = this.seal.value(this.row, findings);
    transaction(this.file, db, () => {
      const insert = db.prepare('INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?)');
      findings.forEach(({ rule, severity, message, seq, actors }, number) => {
        insert.run(session, number, rule, severity, message, seq, JSON.stringify(actors));
      });
      db.prepare('UPDATE sessions SET outcome = ?, result = ?, ended_at = ?, seal = ? WHERE id = ?').run(
        outcome,
        result ?? null,
        endedAt,
        seal,
        session,
      );
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

  private join(): void {
    const { thread } = this;
    this.thread = undefined;
    thread?.close();
  }

  private openFile(): OpenFile {
    if (this.opened === undefined) {
      const db = openForRecording(this.file);
      const session = explained(this.file, () => begin(db, this.head));
      this.row = explained(this.file, () => firstRow(db, session, this.seal));
      this.opened = { db, session, inserter: new Inserter(this.file, db, session, 0, 0) };
    }
    return this.opened;
  }
}

/** Seals the row as it begins; evaluates to it. What is not in the head has the columns' defaults. */
function firstRow(db: Database, session: number, seal: Seal): SessionRow {
  const row = db.prepare('SELECT * FROM sessions WHERE id = ?').get(session) as SessionRow;
  db.prepare('UPDATE sessions SET seal = ? WHERE id = ?').run(seal.value(row, []), session);
  return row;
}

function begin(db: Database, head: SessionHead): number {
  const insert = db.prepare(
    `INSERT INTO sessions (title, scenario, scenario_version, model_version, seed, strategy, options, max_steps, started_at, dextrace, node)
     VALUES (@title, @scenario, @scenarioVersion, @modelVersion, @seed, @strategy, @options, @maxSteps, @startedAt, @dextrace, @node)`,
  );
  return Number(insert.run({ ...head }).lastInsertRowid);
}
