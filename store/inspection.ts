/** A file that may be damaged, read as it is: nothing here trusts what it says, and one damaged part hides no other. */
import { createHash } from 'node:crypto';
import { kindNumbers } from '../core/events.ts';
import { decode, integerColumns, layouts, type Layout } from './codec.ts';
import { openForInspection } from './damaged.ts';
import { emptyDatabase, type Database } from './database.ts';
import { put } from './digest.ts';
import type { SessionParts } from './copy.ts';
import type { Mark } from './inserter.ts';
import type { SessionRow } from './reader.ts';
import { eventsPerSession } from './schema.ts';
import type { ActorRow } from './seal.ts';
import type { FindingRow } from './writer.ts';

/** A row of the events table as it is: id, tick, actor, kind, six integers, a blob. */
export type RawEvent = readonly unknown[];

/** Tables with rows that belong to a session, and the column that says to which. */
const sessionTables = ['actors', 'decisions', 'marks', 'findings'] as const;

/** What a new file is made with, part by part, as text. */
function structureOf(db: Database): Map<string, Set<string>> {
  const parts = [
    ['format', 'SELECT application_id, user_version FROM pragma_application_id, pragma_user_version'],
    ['structure', "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'"],
    ['about', 'SELECT * FROM about'],
    ['kinds of events', 'SELECT * FROM event_kinds'],
  ] as const;
  const rows = (query: string): Set<string> => {
    const all = db.prepare(query).raw().all();
    return new Set(all.map((row) => JSON.stringify(row)));
  };
  return new Map(parts.map(([what, query]) => [what, rows(query)]));
}

/** The same of a file that is whole. */
let expected: Map<string, Set<string>> | undefined;

export class Inspection {
  readonly file: string;
  readonly db: Database;
  /** Why what is read is not quite the file; nothing when it is. */
  readonly damage: string | undefined;

  /** @throws {InputError} when the file is none of ours */
  constructor(file: string) {
    this.file = file;
    const { db, damage } = openForInspection(file);
    this.db = db;
    this.damage = damage;
  }

  /** What SQLite itself finds wrong. */
  integrity(): string[] {
    const found: string[] = [];
    try {
      for (const text of this.db.prepare('PRAGMA integrity_check(20)').pluck().iterate() as Iterable<string>)
        if (text !== 'ok') found.push(text.replace('*** in database main ***\n', '').replaceAll('\n', '; '));
    } catch (error) {
      if (found.length === 0) found.push((error as Error).message);
    }
    return found;
  }

  /** Tables, views, triggers and explanations that are not those of a file of this format. */
  structure(): string[] {
    expected ??= structureOf(emptyDatabase());
    const here = structureOf(this.db);
    const wrong: string[] = [];
    for (const [what, there] of expected) {
      const strange = [...here.get(what)!].filter((row) => !there.has(row)).length;
      const missing = [...there].filter((row) => !here.get(what)!.has(row)).length;
      if (strange + missing > 0)
        wrong.push(`${what}: ${strange} entries are not as they were made, ${missing} are missing`);
    }
    return wrong;
  }

  /** Numbers of all sessions that anything in the file belongs to. */
  sessions(): number[] {
    const ids = new Set<number>();
    const collect = (query: string): void => {
      try {
        for (const id of this.db.prepare(query).pluck().all()) if (typeof id === 'number') ids.add(id);
      } catch {
        // What cannot be read here is told where it is missing.
      }
    };
    collect('SELECT id FROM sessions');
    for (const table of sessionTables) collect(`SELECT DISTINCT session FROM ${table}`);
    collect(
      `WITH RECURSIVE found (session) AS (SELECT min(id) >> 32 FROM events UNION ALL SELECT (SELECT min(id) >> 32 FROM events WHERE id >= (session + 1) << 32) FROM found WHERE session IS NOT NULL) SELECT session FROM found`,
    );
    return [...ids].toSorted((a, b) => a - b);
  }

  /** A session's row; undefined when there is none. */
  row(session: number): SessionRow | undefined {
    return this.db.prepare('SELECT * FROM sessions WHERE id = ?').get(session) as SessionRow | undefined;
  }

  /** A session's actors. */
  actors(session: number): ActorRow[] {
    return this.rows('actors', session).map((row) => row as unknown as ActorRow);
  }

  /** A session's chunks of decisions. */
  decisions(session: number): SessionParts['decisions'] {
    return this.rows('decisions', session).map((row) => row as unknown as SessionParts['decisions'][number]);
  }

  /** A session's marks. */
  marks(session: number): Mark[] {
    return this.rows('marks', session).map((row) => row as unknown as Mark);
  }

  /** A session's findings, each with its number. @throws {SyntaxError} when the actors of one cannot be read */
  findings(session: number): (FindingRow & { readonly number: number })[] {
    return this.rows('findings', session).map((row) => ({
      ...(row as unknown as FindingRow & { number: number }),
      actors: JSON.parse(row['actors'] as string) as number[],
    }));
  }

  /** A session's events, in order, as they are. @throws {SqliteError} where they cannot be read any further */
  *events(session: number): Generator<RawEvent, void, undefined> {
    const statement = this.db.prepare('SELECT * FROM events WHERE id >= ? AND id < ? ORDER BY id').raw();
    yield* statement.iterate(session * eventsPerSession, (session + 1) * eventsPerSession) as Iterable<RawEvent>;
  }

  close(): void {
    this.db.close();
  }

  /** A session's rows of a table, in order. */
  private rows(table: (typeof sessionTables)[number], session: number): Record<string, unknown>[] {
    return this.db.prepare(`SELECT * FROM ${table} WHERE session = ? ORDER BY 2`).all(session) as Record<
      string,
      unknown
    >[];
  }
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Columns before the integers: id, tick, actor, kind. */
const lead = 4;

/** What is wrong with a row of the events table; nothing when it is one that a recorder can have written. */
export function wrongIn(row: RawEvent, tickBefore: number): string | undefined {
  const [, tick, actor, kind] = row;
  if (!isNumber(tick) || tick < tickBefore) return 'its time is before that of the event before';
  if (!isNumber(actor)) return 'its actor is no number';
  const layout = isNumber(kind) ? layouts[kind] : undefined;
  if (layout === undefined) return `there is no kind ${String(kind)}`;
  return wrongInFields(row, layout);
}

function wrongInFields(row: RawEvent, layout: Layout): string | undefined {
  for (let i = 0; i < integerColumns.length; i += 1) {
    const value = row[lead + i];
    const field = layout.integers[i];
    if (field === undefined ? value !== null : !isNumber(value)) return `its column ${integerColumns[i]!} is damaged`;
    if (field === undefined) continue;
    const limit = field.names?.length ?? (field.flag ? 2 : Infinity);
    if ((value as number) >= limit) return `its ${field.name} is ${String(value)}`;
  }
  const blob = row[lead + integerColumns.length];
  if (layout.blob === undefined ? blob !== null : !(blob instanceof Uint8Array)) return 'its data is damaged';
  return undefined;
}

const actorCreate = kindNumbers.get('actor.create')!;

/** The actor that an event makes, if it does. To be asked of rows in which nothing is {@link wrongIn}. */
export function actorIn(row: RawEvent): ActorRow | undefined {
  if (row[3] !== actorCreate) return undefined;
  const integers = row.slice(lead, lead + integerColumns.length) as (number | null)[];
  const event = decode(actorCreate, integers, row[lead + integerColumns.length] as Uint8Array);
  return event.kind === 'actor.create' ? { id: event.actor, name: event.name, role: event.role } : undefined;
}

/** A running SHA-256 over raw rows: the same as a session's digest over its events. */
export class RawDigest {
  private readonly hash = createHash('sha256');
  private readonly buffer = new Uint8Array(128);
  private tick = 0;

  /** Adds a row in which nothing is {@link wrongIn}. */
  add(row: RawEvent): void {
    const [, tick, actor, kind] = row as number[];
    const { integers, blob } = layouts[kind!]!;
    const { buffer } = this;
    let used = put(buffer, 0, kind!);
    used = put(buffer, used, actor!);
    used = put(buffer, used, tick! - this.tick);
    this.tick = tick!;
    for (let i = 0; i < integers.length; i += 1) used = put(buffer, used, row[lead + i] as number);
    const bytes = row[lead + integerColumns.length] as Uint8Array;
    if (blob !== undefined) used = put(buffer, used, bytes.length);
    this.hash.update(buffer.subarray(0, used));
    if (blob !== undefined) this.hash.update(bytes);
  }

  /** The digest of all rows so far, in hexadecimal. */
  value(): string {
    return this.hash.copy().digest('hex');
  }
}
