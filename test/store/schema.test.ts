import { beforeEach, describe, expect } from 'vitest';
import { hex, kindNames, kinds, open, record, type AnyEvent, type RecordedEvent } from '../../index.ts';
import type { FieldType, Kind } from '../../core/catalogue.ts';
import { applicationId, formatVersion, viewName } from '../../store/schema.ts';
import lateWriteRace from '../../examples/late-write-race.ts';
import { fieldsOf } from '../support-cli/events.ts';
import { test, type Folder } from '../support-cli/folder.ts';
import { query, type Row } from '../support-cli/shell.ts';

const fileOf = (folder: Folder): string => folder.at('my.db');

beforeEach<{ shared: Folder }>(({ shared }) => {
  // Once for the file: a session before, so that the one looked at is not the first.
  if (query(fileOf(shared), 'SELECT name FROM sqlite_schema').length > 0) return;
  record(lateWriteRace, { db: fileOf(shared), set: { size: 4160 } });
  record(lateWriteRace, {
    db: fileOf(shared),
    set: { size: 20_480 },
    strategy: 'timed',
    source: { file: 'late-write-race', version: 'v' },
  });
});

/** What a view must show for a field. */
function shown(type: FieldType, value: unknown): string | number {
  if (typeof type !== 'string') return value as string;
  switch (type) {
    case 'address':
    case 'hex':
      return hex(value as number);
    case 'code':
      return `0x${(value as number).toString(16).padStart(8, '0')}`;
    case 'flag':
      return value === true ? 1 : 0;
    case 'data':
      return Buffer.from(value as Uint8Array)
        .toString('hex')
        .toUpperCase();
    case 'u64': {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(value as bigint);
      return bytes.toString('hex').toUpperCase();
    }
    default:
      return value as string | number;
  }
}

function rowOf({ seq, tick, actor, event }: RecordedEvent, names: Map<number, string>): Row {
  const row: Record<string, string | number | null> = { session: 2, seq, tick, by: names.get(actor) ?? null };
  for (const [name, type] of fieldsOf(event.kind))
    row[name] = shown(type, (event as unknown as Record<string, unknown>)[name]);
  return actor === 0 ? { ...row, by: null } : row;
}

describe('a file, without dextrace', () => {
  test('has a view for every kind, which shows its events with names and hexadecimal addresses', ({ shared }) => {
    const session = open(`${fileOf(shared)}#2`);
    const names = session.actors();
    const byKind = new Map<string, Row[]>(kindNames.map((kind) => [kind, []]));
    for (const recorded of session.events()) byKind.get(recorded.event.kind)!.push(rowOf(recorded, names));
    session.close();
    for (const [kind, rows] of byKind) {
      expect(query(fileOf(shared), `SELECT * FROM ${viewName(kind)} WHERE session = 2 ORDER BY seq`), kind).toEqual(
        rows,
      );
    }
    // The example is worth the name only when it shows many kinds.
    expect([...byKind.values()].filter((rows) => rows.length > 0).length).toBeGreaterThan(40);
  });

  test.for(kindNames)('%s: no two columns have one name', (kind, { shared }) => {
    const columns = query(fileOf(shared), `SELECT name FROM pragma_table_info('${viewName(kind)}')`).map(
      ({ name }) => name,
    );
    expect(columns).toEqual(['session', 'seq', 'tick', 'by', ...fieldsOf(kind).map(([name]) => name)]);
  });

  test('reads like a book', ({ shared }) => {
    const rows = query(
      fileOf(shared),
      "SELECT by, address, length, value FROM memory_fill WHERE session = 2 AND by = 'app:main' LIMIT 1",
    );
    expect(rows).toEqual([
      { by: 'app:main', address: expect.stringMatching(/^0x[0-9a-f]+$/), length: 64, value: '0xaa' },
    ]);
    const [beat] = query(fileOf(shared), "SELECT * FROM dma_read WHERE by LIKE 'link:%' LIMIT 1");
    expect(beat).toMatchObject({
      by: expect.stringMatching(/^link:tag\d$/),
      status: 'ok',
      address: expect.stringMatching(/^0x/),
    });
  });

  test('has one log of everything', ({ shared }) => {
    const session = open(`${fileOf(shared)}#2`);
    const log = query(fileOf(shared), 'SELECT seq, tick, kind FROM log WHERE session = 2 ORDER BY seq');
    expect(log).toEqual([...session.events()].map(({ seq, tick, event }) => ({ seq, tick, kind: event.kind })));
    session.close();
  });

  test('says what its kinds, sessions, actors and findings are', ({ shared }) => {
    const file = fileOf(shared);
    const expected = kindNames.map((name, number) => {
      const { doc, source, fields } = kinds[name] as Kind;
      return { number, name, doc, source, fields: JSON.stringify(fields) };
    });
    expect(query(file, 'SELECT * FROM event_kinds ORDER BY number')).toEqual(expected);
    expect(
      query(file, 'SELECT id, scenario, scenario_version, seed, strategy, options FROM sessions WHERE id = 2'),
    ).toEqual([
      {
        id: 2,
        scenario: 'late-write-race',
        scenario_version: 'v',
        seed: '1',
        strategy: 'timed',
        options: '{"size":20480}',
      },
    ]);
    expect(query(file, "SELECT name, role FROM actors WHERE session = 2 AND name LIKE 'app:%'")).toEqual([
      { name: 'app:main', role: 'app' },
    ]);
    const [{ outcome } = {}] = query(file, 'SELECT outcome FROM sessions WHERE id = 1');
    const findings = query(file, 'SELECT rule, message FROM findings WHERE session = 1');
    expect(findings).toHaveLength(outcome === 'failed' ? 1 : 0);
  });

  test('says that it is ours, and which version', ({ shared }) => {
    expect(query(fileOf(shared), 'PRAGMA application_id')).toEqual([{ application_id: applicationId }]);
    expect(Buffer.from(applicationId.toString(16), 'hex').toString()).toBe('dxtr');
    expect(query(fileOf(shared), 'PRAGMA user_version')).toEqual([{ user_version: formatVersion }]);
    expect(query(fileOf(shared), 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    expect(query(fileOf(shared), 'PRAGMA journal_mode')).toEqual([{ journal_mode: 'delete' }]);
  });
});

describe('what has been recorded stays as it is', () => {
  const changes: [table: string, column: string][] = [
    ['events', 'tick'],
    ['decisions', 'first'],
    ['actors', 'name'],
    ['marks', 'digest'],
    ['findings', 'message'],
  ];
  test.for(changes)('%s refuses UPDATE and DELETE', ([table, column], { folder }) => {
    const file = fileOf(folder);
    record(lateWriteRace, { db: file, set: { size: 4160 }, seed: 1 });
    const before = query(file, `SELECT * FROM ${table}`);
    expect(before.length).toBeGreaterThan(0);
    for (const sql of [`UPDATE ${table} SET ${column} = ${column}`, `DELETE FROM ${table}`]) {
      expect(() => query(file, sql), sql).toThrow(`recorded ${table} cannot be changed`);
    }
    for (const verb of table === 'events' ? ['INSERT'] : ['INSERT', 'REPLACE']) {
      const refusal = table === 'events' ? 'UNIQUE constraint failed' : `recorded ${table} cannot be changed`;
      expect(() => query(file, `${verb} INTO ${table} SELECT * FROM ${table}`), verb).toThrow(refusal);
    }
    expect(query(file, `SELECT * FROM ${table}`)).toEqual(before);
  });

  test('a number does not fit where a text belongs', ({ folder }) => {
    record(lateWriteRace, { db: fileOf(folder), set: { size: 4160 } });
    expect(() => query(fileOf(folder), "INSERT INTO events (id, tick, actor, kind) VALUES (9, 'soon', 0, 0)")).toThrow(
      /cannot store TEXT value in INTEGER column/,
    );
  });
});

test('an event that a run can make has a view that can show it', () => {
  const events: AnyEvent[] = [];
  record(lateWriteRace, { onEvent: (event) => events.push(event) });
  for (const { kind } of events) expect(viewName(kind)).toMatch(/^[a-z]+(_[a-z]+)*$/);
});
