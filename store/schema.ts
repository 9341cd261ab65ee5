/** The file format: tables, triggers and the views that make a file readable with the plain sqlite3 shell. */
import type { FieldType } from '../core/catalogue.ts';
import { kindOf, modelVersion } from '../core/events.ts';
import { integerColumns, layouts, type Layout } from './codec.ts';

/** `PRAGMA application_id` of a dextrace file: the bytes "dxtr". */
export const applicationId = 0x64787472;
/** `PRAGMA user_version`: the version of this format. */
export const formatVersion = 2;
/** Bytes of a page of a dextrace file. */
export const pageSize = 8192;

/** An event's row id is its session's number times this, plus its sequence number. */
export const eventsPerSession: number = 2 ** 32;

const tables = `
CREATE TABLE about (
  name TEXT PRIMARY KEY, value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  title TEXT NOT NULL,
  scenario TEXT NOT NULL,           -- the file, or the name of a bundled example
  scenario_version TEXT NOT NULL,   -- SHA-256 of its source
  model_version INTEGER NOT NULL,
  seed TEXT NOT NULL,
  strategy TEXT NOT NULL,
  options TEXT NOT NULL,            -- JSON: what --set changed
  max_steps INTEGER NOT NULL,
  outcome TEXT NOT NULL DEFAULT 'interrupted',  -- until its recorder has finished
  result TEXT,                      -- JSON: what the app's main program returned
  events INTEGER NOT NULL DEFAULT 0,
  steps INTEGER NOT NULL DEFAULT 0,
  decisions INTEGER NOT NULL DEFAULT 0,
  digest TEXT NOT NULL DEFAULT '',  -- SHA-256 of the events committed so far
  started_at TEXT NOT NULL,
  ended_at TEXT,
  dextrace TEXT NOT NULL,
  node TEXT NOT NULL,
  seal TEXT NOT NULL DEFAULT ''     -- SHA-256 of this row, the actors, decisions, marks and findings
) STRICT;

CREATE TABLE actors (
  session INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
  PRIMARY KEY (session, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_kinds (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, doc TEXT NOT NULL, source TEXT NOT NULL, fields TEXT NOT NULL
) STRICT;

CREATE TABLE events (
  id INTEGER PRIMARY KEY,           -- session * 2^32 + sequence number
  tick INTEGER NOT NULL,            -- virtual nanoseconds
  actor INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER, f INTEGER,
  data BLOB
) STRICT;

CREATE TABLE decisions (
  session INTEGER NOT NULL, first INTEGER NOT NULL,  -- index of the first decision in the chunk
  bytes BLOB NOT NULL,                               -- runs of (actor, length), LEB128
  PRIMARY KEY (session, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (
  session INTEGER NOT NULL, events INTEGER NOT NULL, -- after that many events
  steps INTEGER NOT NULL, decisions INTEGER NOT NULL,
  digest TEXT NOT NULL,                              -- SHA-256 of the events up to there
  PRIMARY KEY (session, events)
) STRICT, WITHOUT ROWID;

CREATE TABLE findings (
  session INTEGER NOT NULL, number INTEGER NOT NULL, rule TEXT NOT NULL,
  severity TEXT NOT NULL,           -- error or warning
  message TEXT NOT NULL, seq INTEGER NOT NULL, actors TEXT NOT NULL,        -- JSON
  PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;
`;

/** What a row of each recorded table is found by; events have too many rows for a look at each that comes. */
const recorded = {
  events: undefined,
  decisions: 'session = NEW.session AND first = NEW.first',
  marks: 'session = NEW.session AND events = NEW.events',
  findings: 'session = NEW.session AND number = NEW.number',
  actors: 'session = NEW.session AND id = NEW.id',
} as const;

/** The log is append-only: what has been recorded stays as it is, also when somebody writes REPLACE. */
function triggers(): string {
  return Object.entries(recorded)
    .flatMap(([table, same]) => {
      const refuse = `BEGIN SELECT RAISE(ABORT, 'recorded ${table} cannot be changed'); END;`;
      const on = (name: string, verb: string, when = ''): string =>
        `CREATE TRIGGER ${table}_no_${name} BEFORE ${verb} ON ${table} ${when}${refuse}`;
      const replace = `WHEN EXISTS (SELECT 1 FROM ${table} WHERE ${same}) `;
      const both = [on('update', 'UPDATE'), on('delete', 'DELETE')];
      return same === undefined ? both : [...both, on('replace', 'INSERT', replace)];
    })
    .join('\n');
}

const quote = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** How a column reads in a view. */
function expression(type: FieldType, column: string): string {
  if (typeof type !== 'string') {
    const cases = type.map((name, i) => `WHEN ${i} THEN ${quote(name)}`).join(' ');
    return `CASE ${column} ${cases} END`;
  }
  switch (type) {
    case 'address':
    case 'hex':
      return `printf('0x%x', ${column})`;
    case 'code':
      return `printf('0x%08x', ${column})`;
    case 'text':
      return `CAST(${column} AS TEXT)`;
    case 'data':
    case 'u64':
      return `hex(${column})`;
    default:
      return column;
  }
}

/** `memory.store` is the view `memory_store`. */
export function viewName(kind: string): string {
  return kind.replaceAll(/[.-]/g, '_');
}

const common = `events.id >> 32 AS session, events.id & 4294967295 AS seq, events.tick`;
const named = `FROM events LEFT JOIN actors ON actors.session = events.id >> 32 AND actors.id = events.actor`;

function view(layout: Layout): string {
  const { fields } = kindOf(layout.kind);
  const columns = [
    ...layout.integers.map(({ name }, i) => ({ name, column: `events.${integerColumns[i]!}` })),
    ...(layout.blob === undefined ? [] : [{ name: layout.blob.name, column: 'events.data' }]),
  ].map(({ name, column }) => `${expression(fields[name]!, column)} AS "${name}"`);
  const list = [common, `actors.name AS by`, ...columns].join(', ');
  return `CREATE VIEW "${viewName(layout.kind)}" AS SELECT ${list} ${named} WHERE events.kind = ${layout.number};`;
}

/** Everything that a new file is made with. */
export function createStatements(): string {
  const kinds = layouts.map(({ kind, number }) => {
    const { doc, source, fields } = kindOf(kind);
    const values = [kind, doc, source, JSON.stringify(fields)].map(quote).join(', ');
    return `INSERT INTO event_kinds VALUES (${number}, ${values});`;
  });
  return [
    tables,
    triggers(),
    ...kinds,
    `INSERT INTO about VALUES ('model_version', '${modelVersion}');`,
    `CREATE VIEW log AS SELECT ${common}, actors.name AS by, event_kinds.name AS kind, events.a, events.b, events.c, events.d, events.e, events.f, hex(events.data) AS data ${named} JOIN event_kinds ON event_kinds.number = events.kind;`,
    ...layouts.map(view),
    `PRAGMA application_id = ${applicationId};`,
    `PRAGMA user_version = ${formatVersion};`,
  ].join('\n');
}
