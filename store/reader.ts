import type { Statement } from 'better-sqlite3';
import { InputError } from '../core/errors.ts';
import { kindNumbers, modelVersion, type AnyEvent } from '../core/events.ts';
import { decode, integerColumns } from './codec.ts';
import { explained, openForReading, type Database } from './database.ts';
import type { Mark } from './inserter.ts';
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
  /** What the app's main program returned, as JSON; null when it did not, or when JSON has no form for it. */
  readonly result: string | null;
  readonly events: number;
  readonly steps: number;
  readonly decisions: number;
  readonly digest: string;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly dextrace: string;
  readonly node: string;
  /** SHA-256 of all else that is stored of the session but its events. */
  readonly seal: string;
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
  /** The last one first. */
  readonly reverse?: boolean | undefined;
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

  /** A session's events in order, or in reverse. @throws {InputError} when events are missing or cannot be read */
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
    const back = filter.reverse === true;
    const order = back ? 'DESC' : 'ASC';
    const statement: Statement = this.db
      .prepare(`SELECT * FROM events WHERE ${conditions.join(' AND ')} ORDER BY id ${order} LIMIT ${page}`)
      .raw();
    let low = base + (filter.from ?? 0);
    let high = last;
    while (low <= high) {
      const [from, to] = [low, high];
      const rows = explained(this.file, () => statement.all(from, to)) as Row[];
      for (const row of rows) {
        if (whole && row[0] !== (back ? high : low)) break;
        yield this.recorded(row, base);
        if (back) high = row[0] - 1;
        else low = row[0] + 1;
      }
      const read = back ? high + 1 : low - 1;
      if (whole && rows.at(-1)?.[0] !== read) {
        const missing = (back ? high : low) - base;
        throw new InputError(
          `${this.file}#${session.id}: event ${missing} is missing; see what dextrace verify says of it`,
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

  /** The mark after that many events of a session, if there is one. */
  mark(session: number, events: number): Mark | undefined {
    return explained(this.file, () =>
      this.db
        .prepare('SELECT events, steps, decisions, digest FROM marks WHERE session = ? AND events = ?')
        .get(session, events),
    ) as Mark | undefined;
  }

  /** A session's marks, in order. */
  marks(session: number): Mark[] {
    return explained(this.file, () =>
      this.db
        .prepare('SELECT events, steps, decisions, digest FROM marks WHERE session = ? ORDER BY events')
        .all(session),
    ) as Mark[];
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
