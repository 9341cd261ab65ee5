import type { Statement } from 'better-sqlite3';
import { InputError } from '../core/errors.ts';
import { kindNumbers, modelVersion, type AnyEvent } from '../core/events.ts';
import { decode, integerColumns } from './codec.ts';
import type { World } from '../core/world.ts';
import { decodeWorld } from './world-codec.ts';
import { explained, openForReading, type Database } from './database.ts';
import { eventsPerSession } from './schema.ts';
import type { FindingRow } from './writer.ts';

/** A session's row. */
export interface SessionRow {
  readonly id: number;
  readonly title: string;
  readonly scenario: string;
  readonly scenario_version: string;
  readonly model_version: number;
  readonly seed: string;
  readonly strategy: string;
  readonly options: string;
  readonly max_steps: number;
  readonly outcome: 'passed' | 'failed' | 'interrupted';
  readonly events: number;
  readonly steps: number;
  readonly decisions: number;
  readonly digest: string;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly dextrace: string;
  readonly node: string;
}

/** An event with its place in the log. */
export interface RecordedEvent {
  readonly seq: number;
  /** Virtual nanoseconds. */
  readonly tick: number;
  readonly actor: number;
  readonly event: AnyEvent;
}

/** Which events to read; bounds are sequence numbers, `to` included. */
export interface EventFilter {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly kind?: string | undefined;
  readonly actor?: number | undefined;
}

type Row = [id: number, tick: number, actor: number, kind: number, ...integers: (number | null)[]];

/** Rows read at a time: pages beat an open cursor. */
const page = 5_000;

/** Reads a dextrace file. */
export class Reader {
  readonly file: string;
  private readonly db: Database;

  /** @throws {InputError} when the file cannot be read */
  constructor(file: string) {
    this.file = file;
    this.db = openForReading(file);
  }

  /** All sessions, the oldest first. */
  sessions(): SessionRow[] {
    return explained(this.file, () => this.db.prepare('SELECT * FROM sessions ORDER BY id').all() as SessionRow[]);
  }

  /** @throws {InputError} naming the sessions there are */
  session(id: number): SessionRow {
    const found = explained(this.file, () => this.db.prepare('SELECT * FROM sessions WHERE id = ?').get(id));
    if (found !== undefined) return found as SessionRow;
    const ids = this.sessions().map((row) => `#${row.id}`);
    const there = ids.length > 8 ? `${ids.slice(0, 8).join(', ')}, …` : ids.join(', ');
    throw new InputError(
      `${this.file}: has no session #${id}; ${ids.length === 0 ? 'it has none' : `there are: ${there}`}`,
    );
  }

  /** Names of a session's actors, by number. */
  actors(session: number): Map<number, string> {
    const rows = explained(this.file, () =>
      this.db.prepare('SELECT id, name FROM actors WHERE session = ? ORDER BY id').raw().all(session),
    ) as [number, string][];
    return new Map([[0, 'boot'], ...rows]);
  }

  /** A session's events in order. @throws {InputError} when events are missing or cannot be read */
  *events(session: SessionRow, filter: EventFilter = {}): Generator<RecordedEvent, void, undefined> {
    if (session.model_version !== modelVersion) {
      throw new InputError(
        `${this.file}#${session.id} was recorded by model version ${session.model_version}, this is version ${modelVersion}; use the dextrace that recorded it (${session.dextrace})`,
      );
    }
    const base = session.id * eventsPerSession;
    const last = base + Math.min(filter.to ?? Infinity, session.events - 1);
    const conditions = ['id >= ?', 'id <= ?'];
    if (filter.kind !== undefined) conditions.push(`kind = ${kindNumbers.get(filter.kind)!}`);
    if (filter.actor !== undefined) conditions.push(`actor = ${filter.actor}`);
    const whole = conditions.length === 2;
    const statement: Statement = this.db
      .prepare(`SELECT * FROM events WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT ${page}`)
      .raw();
    let next = base + (filter.from ?? 0);
    while (next <= last) {
      const from = next;
      const rows = explained(this.file, () => statement.all(from, last)) as Row[];
      for (const row of rows) {
        if (whole && row[0] !== next) break;
        yield this.recorded(row, base);
        next = row[0] + 1;
      }
      if (whole && (rows.length === 0 || rows.at(-1)![0] !== next - 1)) {
        throw new InputError(
          `${this.file}#${session.id}: event ${next - base} is missing; restore the file from a copy`,
        );
      }
      if (rows.length < page) return;
    }
  }

  /** A session's decisions: chunks of schedule bytes, in order. */
  decisions(session: number): Uint8Array[] {
    return explained(this.file, () =>
      this.db.prepare('SELECT bytes FROM decisions WHERE session = ? ORDER BY first').pluck().all(session),
    ) as Uint8Array[];
  }

  /** The newest checkpoint at or before that many events, and later than `after`. An aid to speed: a fold needs none. */
  checkpoint(session: number, after: number, events: number): { events: number; world: World } | undefined {
    const row = explained(this.file, () =>
      this.db
        .prepare(
          'SELECT events, world FROM checkpoints WHERE session = ? AND events > ? AND events <= ? ORDER BY events DESC LIMIT 1',
        )
        .get(session, after, events),
    ) as { events: number; world: Uint8Array } | undefined;
    return row === undefined ? undefined : { events: row.events, world: decodeWorld(row.world) };
  }

  /** What the session found. */
  findings(session: number): FindingRow[] {
    const rows = explained(this.file, () =>
      this.db
        .prepare('SELECT rule, severity, message, seq, actors FROM findings WHERE session = ? ORDER BY number')
        .all(session),
    ) as (Omit<FindingRow, 'actors'> & { actors: string })[];
    return rows.map((row) => ({ ...row, actors: JSON.parse(row.actors) as number[] }));
  }

  close(): void {
    this.db.close();
  }

  private recorded(row: Row, base: number): RecordedEvent {
    const [id, tick, actor, kind] = row;
    try {
      const integers = row.slice(4, 4 + integerColumns.length);
      const blob = row[4 + integerColumns.length] as unknown as Uint8Array | null;
      return { seq: id - base, tick, actor, event: decode(kind, integers, blob) };
    } catch (error) {
      throw new InputError(`${this.file}: event ${id - base} cannot be read: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}
