import { closeRecording, explained, openForRecording, type Database } from './database.ts';
import { transaction, type Mark } from './inserter.ts';
import type { RawEvent } from './inspection.ts';
import type { SessionRow } from './reader.ts';
import { Seal, type ActorRow } from './seal.ts';
import type { FindingRow } from './writer.ts';

/** All of a session but its events. */
export interface SessionParts {
  readonly row: Omit<SessionRow, 'seal'>;
  readonly actors: readonly ActorRow[];
  /** Chunks of schedule bytes, each with the index of its first decision. */
  readonly decisions: readonly { readonly first: number; readonly bytes: Uint8Array }[];
  readonly marks: readonly Mark[];
  readonly findings: readonly FindingRow[];
}

/** A new file that sessions are copied into, each all or nothing. */
export class Copy {
  private readonly file: string;
  private readonly db: Database;

  /** @throws {InputError} when the file cannot be made */
  constructor(file: string) {
    this.file = file;
    this.db = openForRecording(file);
  }

  /** Adds a session under its own number. @throws {InputError} when the file cannot take it */
  add(session: SessionParts, events: Iterable<RawEvent>): void {
    const { db } = this;
    const { row, actors, decisions, marks, findings } = session;
    const { id } = row;
    transaction(this.file, db, () => {
      const columns = { ...row, seal: sealOf(session) };
      const names = Object.keys(columns);
      db.prepare(`INSERT INTO sessions (${names.join()}) VALUES (${names.map((name) => `@${name}`).join()})`).run(
        columns,
      );
      const insertEvent = db.prepare(`INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
      for (const event of events) insertEvent.run(event);
      const insertActor = db.prepare('INSERT INTO actors VALUES (?, ?, ?, ?)');
      for (const actor of actors) insertActor.run(id, actor.id, actor.name, actor.role);
      const insertDecisions = db.prepare('INSERT INTO decisions VALUES (?, ?, ?)');
      for (const { first, bytes } of decisions) insertDecisions.run(id, first, bytes);
      const insertMark = db.prepare('INSERT INTO marks VALUES (?, ?, ?, ?, ?)');
      for (const mark of marks) insertMark.run(id, mark.events, mark.steps, mark.decisions, mark.digest);
      const insertFinding = db.prepare('INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?)');
      findings.forEach(({ rule, severity, message, seq, actors: about }, number) => {
        insertFinding.run(id, number, rule, severity, message, seq, JSON.stringify(about));
      });
    });
  }

  close(): void {
    explained(this.file, () => closeRecording(this.db));
  }
}

/** The seal of a session's parts. */
export function sealOf({ row, actors, decisions, marks, findings }: SessionParts): string {
  const seal = new Seal();
  for (const actor of actors) seal.actor(actor);
  for (const { first, bytes } of decisions) seal.chunk(first, bytes);
  for (const mark of marks) seal.mark(mark);
  return seal.value(row, findings);
}
