import { createHash, type Hash } from 'node:crypto';
import type { Mark } from './inserter.ts';
import type { SessionRow } from './reader.ts';
import type { FindingRow } from './writer.ts';

/** Columns of a session's row that its seal covers: all but the seal itself. */
const sealed = [
  'id',
  'title',
  'scenario',
  'scenario_version',
  'model_version',
  'seed',
  'strategy',
  'options',
  'max_steps',
  'outcome',
  'result',
  'events',
  'steps',
  'decisions',
  'digest',
  'started_at',
  'ended_at',
  'dextrace',
  'node',
] as const satisfies readonly (keyof SessionRow)[];

/** An actor's row. */
export interface ActorRow {
  readonly id: number;
  readonly name: string;
  readonly role: string;
}

/**
 * A running SHA-256 over what is stored of a session beside its events, which the digest covers: its row, with
 * the digest in it, its actors, its decisions, its marks and its findings. So that no change of any of them goes unnoticed.
 */
export class Seal {
  private readonly actors: Hash = createHash('sha256');
  private readonly decisions: Hash = createHash('sha256');
  private readonly marks: Hash = createHash('sha256');

  /** Adds an actor, in the order of their numbers. */
  actor({ id, name, role }: ActorRow): void {
    this.actors.update(`${JSON.stringify([id, name, role])}\n`);
  }

  /** Adds a chunk of decisions: the index of its first, and its bytes. */
  chunk(first: number, bytes: Uint8Array): void {
    this.decisions.update(`${first} ${bytes.length}\n`).update(bytes);
  }

  /** Adds a mark. */
  mark({ events, steps, decisions, digest }: Mark): void {
    this.marks.update(`${JSON.stringify([events, steps, decisions, digest])}\n`);
  }

  /** The seal, in hexadecimal. More can follow. */
  value(row: Omit<SessionRow, 'seal'>, findings: readonly FindingRow[]): string {
    const parts = [
      sealed.map((column) => row[column]),
      this.actors.copy().digest('hex'),
      this.decisions.copy().digest('hex'),
      this.marks.copy().digest('hex'),
      findings.map(({ rule, severity, message, seq, actors }) => [rule, severity, message, seq, actors]),
    ];
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  }
}
