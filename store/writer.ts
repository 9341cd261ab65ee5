import type { Statement } from 'better-sqlite3';
import type { AnyEvent } from '../core/events.ts';
import { encoders, integerColumns, layouts } from './codec.ts';
import { closeRecording, explained, openForRecording, type Database } from './database.ts';
import { Digest } from './digest.ts';
import { eventsPerSession } from './schema.ts';

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
  readonly message: string;
  readonly seq: number;
  readonly actors: readonly number[];
}

/** How far a recording has come, for each commit. */
export interface Progress {
  readonly steps: number;
  readonly decisions: number;
  /** The decisions since the last commit. */
  readonly chunk: Uint8Array;
}

/** Columns before the integers: id, tick, actor, kind. */
const lead = 4;
const columns = lead + integerColumns.length + 1;
/** Rows in one INSERT: more are no faster. */
const rowsPerStatement = 50;
/** Rows in one transaction: more are no faster, and these are what a kill can lose. */
const rowsPerCommit = 4_000;

const insertOf = (rows: number): string =>
  `INSERT INTO events VALUES ${Array.from({ length: rows }, () => `(${Array.from({ length: columns }, () => '?').join(',')})`).join(',')}`;

/** Writes one session into a file. It counts as interrupted until {@link SessionWriter.finish}. */
export class SessionWriter {
  readonly session: number;
  private readonly file: string;
  private readonly db: Database;
  private readonly digest: Digest;
  private readonly insertMany: Statement;
  private readonly insertOne: Statement;
  private readonly insertActor: Statement;
  private readonly insertDecisions: Statement;
  private readonly update: Statement;
  private readonly chunks: unknown[][] = [];
  private readonly actors: { id: number; name: string; role: string }[] = [];
  private readonly base: number;
  private rows = 0;
  private events = 0;
  private committedDecisions = 0;

  /** @throws {InputError} when the file cannot be written */
  constructor(file: string, head: SessionHead, digest: Digest) {
    this.file = file;
    this.digest = digest;
    this.db = openForRecording(file);
    this.session = explained(file, () => this.begin(head));
    this.base = this.session * eventsPerSession;
    this.insertMany = this.db.prepare(insertOf(rowsPerStatement));
    this.insertOne = this.db.prepare(insertOf(1));
    this.insertActor = this.db.prepare('INSERT INTO actors VALUES (?, ?, ?, ?)');
    this.insertDecisions = this.db.prepare('INSERT INTO decisions VALUES (?, ?, ?)');
    this.update = this.db.prepare('UPDATE sessions SET events = ?, steps = ?, decisions = ?, digest = ? WHERE id = ?');
    for (let i = 0; i < rowsPerCommit / rowsPerStatement; i += 1) {
      this.chunks.push(new Array<unknown>(rowsPerStatement * columns).fill(null));
    }
  }

  /** Adds an event to the next commit. Evaluates to whether it is time for that. */
  add(event: AnyEvent, kind: number, actor: number, tick: number): boolean {
    const row = this.chunks[Math.floor(this.rows / rowsPerStatement)]!;
    const at = (this.rows % rowsPerStatement) * columns;
    row[at] = this.base + this.events;
    row[at + 1] = tick;
    row[at + 2] = actor;
    row[at + 3] = kind;
    const blob = encoders[kind]!(event, row, at + lead);
    row[at + columns - 1] = blob;
    this.digest.add(kind, layouts[kind]!.integers.length, actor, tick, row, at + lead, blob);
    if (event.kind === 'actor.create') this.actors.push({ id: event.actor, name: event.name, role: event.role });
    this.events += 1;
    this.rows += 1;
    return this.rows === rowsPerCommit;
  }

  /** Writes what has been added, all or nothing. */
  commit({ steps, decisions, chunk }: Progress): void {
    this.transaction(() => {
      const full = Math.floor(this.rows / rowsPerStatement);
      for (let i = 0; i < full; i += 1) this.insertMany.run(this.chunks[i]!);
      const rest = this.chunks[full];
      for (let i = 0; i < this.rows % rowsPerStatement; i += 1) {
        this.insertOne.run(rest!.slice(i * columns, (i + 1) * columns));
      }
      for (const { id, name, role } of this.actors) this.insertActor.run(this.session, id, name, role);
      if (chunk.length > 0) this.insertDecisions.run(this.session, this.committedDecisions, chunk);
      this.update.run(this.events, steps, decisions, this.digest.value(), this.session);
    });
    this.rows = 0;
    this.actors.length = 0;
    this.committedDecisions = decisions;
  }

  /** Ends the session with its outcome and findings, and closes the file. */
  finish(outcome: string, findings: readonly FindingRow[], endedAt: string): void {
    this.transaction(() => {
      const insert = this.db.prepare('INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?)');
      findings.forEach(({ rule, message, seq, actors }, number) => {
        insert.run(this.session, number, rule, message, seq, JSON.stringify(actors));
      });
      this.db.prepare('UPDATE sessions SET outcome = ?, ended_at = ? WHERE id = ?').run(outcome, endedAt, this.session);
    });
    this.close();
  }

  /** Closes the file without finishing: the session stays interrupted. */
  close(): void {
    if (this.db.open) closeRecording(this.db);
  }

  private begin(head: SessionHead): number {
    const insert = this.db.prepare(
      `INSERT INTO sessions (title, scenario, scenario_version, model_version, seed, strategy, options, max_steps, started_at, dextrace, node)
       VALUES (@title, @scenario, @scenarioVersion, @modelVersion, @seed, @strategy, @options, @maxSteps, @startedAt, @dextrace, @node)`,
    );
    return Number(insert.run({ ...head }).lastInsertRowid);
  }

  private transaction(work: () => void): void {
    explained(this.file, () => {
      this.db.exec('BEGIN IMMEDIATE');
      try {
        work();
        this.db.exec('COMMIT');
      } catch (error) {
        if (this.db.inTransaction) this.db.exec('ROLLBACK');
        throw error;
      }
    });
  }
}
