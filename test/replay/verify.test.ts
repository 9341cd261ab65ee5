import Database from 'better-sqlite3';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { exportSessions, InputError, open, record, reexecute, sameWorld, verify } from '../../index.ts';
import asyncDoneRight from '../../examples/async-done-right.ts';
import inlineCopy from '../../examples/inline-copy.ts';
import lateWriteRace from '../../examples/late-write-race.ts';
import { Reader } from '../../store/reader.ts';
import { test, type Folder } from '../support-cli/folder.ts';

/** Everything that the sessions of a file say. */
function said(file: string): string {
  const reader = new Reader(file);
  try {
    const sessions = reader.sessions().map((row) => ({
      row,
      actors: [...reader.actors(row.id)],
      decisions: reader.decisions(row.id),
      findings: reader.findings(row.id),
      marks: reader.marks(row.id),
      events: [...reader.events(row)],
    }));
    return JSON.stringify(sessions, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  } finally {
    reader.close();
  }
}

/** Changes rows of a recording, as nobody should. */
function tamper(file: string, ...statements: readonly string[]): void {
  const db = new Database(file);
  const triggers = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all() as {
    name: string;
    sql: string;
  }[];
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  for (const statement of statements) expect(db.prepare(statement).run().changes, statement).toBeGreaterThan(0);
  for (const { sql } of triggers) db.exec(sql);
  db.close();
}

/** Three sessions: one that failed, a long one, a short one. */
function three(folder: Folder): string {
  const db = folder.at('my.db');
  record(lateWriteRace, { db });
  record(asyncDoneRight, { db, set: { rounds: 4 } });
  record(inlineCopy, { db });
  return db;
}

/** Takes the test below through every byte: `EVERY_BYTE=1 npx vitest run test/replay/verify.test.ts`, about half an hour. */
const everyByte = process.env['EVERY_BYTE'] !== undefined;

describe(`every ${everyByte ? '' : '601st '}byte of a file`, { timeout: everyByte ? 0 : 60_000 }, () => {
  test('is found when it is flipped, or proved harmless: all sessions read the same', ({ folder }) => {
    const file = folder.at('small.db');
    record(inlineCopy, { db: file, set: { size: 64 } });
    const bytes = readFileSync(file);
    const truth = said(file);
    expect(verify(file).whole).toBe(true);
    const tally = { found: 0, harmless: 0 };
    for (let at = 0; at < bytes.length; at += everyByte ? 1 : 601) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      writeFileSync(file, flipped);
      try {
        if (!verify(file).whole) {
          tally.found += 1;
          continue;
        }
      } catch (error) {
        expect(error, `byte ${at}`).toBeInstanceOf(InputError);
        tally.found += 1;
        continue;
      }
      expect(said(file) === truth, `byte ${at} is different, and not found`).toBe(true);
      tally.harmless += 1;
    }
    if (everyByte) console.log(`${bytes.length} bytes: ${tally.found} found, ${tally.harmless} harmless`);
    expect(tally.found).toBeGreaterThan(tally.harmless / 4);
  });
});

describe('verify names', () => {
  const changes: readonly [what: string, statement: string, message: RegExp][] = [
    ['an event', 'UPDATE events SET a = a + 1 WHERE id = (2 << 32) + 700', /first that differs is one of 512 to 767/],
    [
      'an event that nobody can have made',
      'UPDATE events SET kind = 400 WHERE id = (2 << 32) + 700',
      /event 700 is damaged: there is no kind 400/,
    ],
    ['a gap', 'DELETE FROM events WHERE id = (2 << 32) + 700', /event 700 is missing/],
    [
      'an event too many',
      'INSERT INTO events SELECT (2 << 32) + 4000000, tick, actor, kind, a, b, c, d, e, f, data FROM events WHERE id = (2 << 32) + 700',
      /is missing/,
    ],
    ['the title', "UPDATE sessions SET title = 'another' WHERE id = 2", /seal/],
    ['the seed', "UPDATE sessions SET seed = '2' WHERE id = 2", /seal/],
    ['the outcome', "UPDATE sessions SET outcome = 'failed' WHERE id = 2", /by its findings it passed/],
    ['the digest', "UPDATE sessions SET digest = replace(digest, 'a', 'b') WHERE id = 2", /do not have its digest/],
    [
      'the decisions',
      'UPDATE decisions SET bytes = substr(bytes, 1, length(bytes) - 2) WHERE session = 2',
      /decisions, but there are/,
    ],
    ['an actor', "UPDATE actors SET name = 'app:other' WHERE session = 2 AND id = 5", /actors are not those/],
    [
      'a mark',
      "UPDATE marks SET digest = replace(digest, '1', '2') WHERE session = 2 AND events = 512",
      /mark after 512 events/,
    ],
    ['a finding', "INSERT INTO findings VALUES (2, 0, 'check', 'error', 'wrong', 3, '[]')", /says that it passed/],
    ['the row', 'DELETE FROM sessions WHERE id = 2', /its row is missing/],
  ];

  for (const [what, statement, message] of changes) {
    test(`${what}, and the session that it is of`, ({ folder }) => {
      const db = three(folder);
      expect(verify(db)).toMatchObject({ whole: true, damages: [], sessions: [{}, {}, {}] });
      tamper(db, statement);
      const found = verify(db);
      expect(found.whole).toBe(false);
      expect(found.damages).toEqual([]);
      expect(found.sessions.map(({ id, damages }) => [id, damages.length > 0])).toEqual([
        [1, false],
        [2, true],
        [3, false],
      ]);
      expect(found.sessions[1]!.damages.join('\n')).toMatch(message);
    });
  }

  test('what was replaced in spite of the triggers', ({ folder }) => {
    const db = three(folder);
    const file = new Database(db);
    const replace =
      'REPLACE INTO events SELECT id, tick, actor, kind, a, b, c, d, e, f, data FROM events WHERE id = (2 << 32) + 700';
    const change = replace.replace('kind, a,', 'kind, a + 1,');
    file.exec(change);
    file.close();
    expect(verify(db).sessions.map(({ damages }) => damages.length > 0)).toEqual([false, true, false]);
  });

  test('a structure that is not as it was made', ({ folder }) => {
    const db = three(folder);
    const file = new Database(db);
    file.exec('DROP TRIGGER events_no_update');
    file.close();
    expect(verify(db)).toMatchObject({ whole: false, damages: [expect.stringContaining('structure')] });
  });
});

describe('a file that SQLite cannot read', () => {
  /** Two sessions. */
  const two = (folder: Folder): string => {
    const db = folder.at('my.db');
    record(inlineCopy, { db, set: { size: 64 } });
    record(asyncDoneRight, { db, set: { rounds: 4 } });
    return db;
  };
  /** What a repair saves: by session, how many events. */
  const saved = (folder: Folder, db: string, bytes: Uint8Array): number[] => {
    writeFileSync(db, bytes);
    const out = folder.at('out.db');
    rmSync(out, { force: true });
    const events = exportSessions(db, out, { repair: true }).map((session) => session.events);
    expect(verify(out).whole).toBe(true);
    return events;
  };

  test('because of any byte of its header: all sessions are saved', ({ folder }) => {
    const db = two(folder);
    const bytes = readFileSync(db);
    const events = verify(db).sessions.map(({ whole }) => whole.events);
    for (let at = 0; at < 100; at += 1) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      expect(saved(folder, db, flipped), `byte ${at}`).toEqual(events);
    }
  });

  test('because its structure is damaged', ({ folder }) => {
    const db = two(folder);
    const bytes = readFileSync(db);
    const events = verify(db).sessions.map(({ whole }) => whole.events);
    for (let at = 0; (at = bytes.indexOf('CREATE TABLE sessions', at)) !== -1;) bytes.fill(0, at - 20, at + 20);
    expect(saved(folder, db, bytes)).toEqual(events);
    expect(verify(db)).toMatchObject({ whole: false, damages: [expect.stringMatching(/header or structure/)] });
  });

  test('because it was cut short: what comes before the cut is saved', ({ folder }) => {
    const db = two(folder);
    const bytes = readFileSync(db);
    const events = verify(db).sessions.map(({ whole }) => whole.events);
    const cut = saved(folder, db, bytes.subarray(0, bytes.length - 20_000));
    expect(cut[0]).toBe(events[0]);
    expect(cut[1]).toBeGreaterThan(0);
    expect(cut[1]).toBeLessThan(events[1]!);
    expect(verify(db).damages[0]).toMatch(/it has \d+ bytes, and by its header \d+/);
    expect(() => open(`${db}#1`)).toThrow(/is truncated.*export --repair/);
  });

  test('and that is none of ours is refused', ({ folder }) => {
    const file = folder.at('theirs.db');
    const theirs = new Database(file);
    theirs.exec('CREATE TABLE diary (day)');
    theirs.close();
    expect(() => verify(file)).toThrow('is no dextrace database');
    folder.write('text.db', 'no database at all');
    expect(() => exportSessions(folder.at('text.db'), folder.at('out.db'))).toThrow('is no dextrace database');
  });
});

describe('export', () => {
  test('copies sessions as they are', ({ folder }) => {
    const db = three(folder);
    const out = folder.at('out.db');
    expect(exportSessions(db, out).map(({ events }) => events > 0)).toEqual([true, true, true]);
    expect(said(out)).toBe(said(db));
    expect(verify(out).whole).toBe(true);
    expect(() => exportSessions(db, out)).toThrow('exists already');
    expect(exportSessions(db, folder.at('one.db'), { session: 3 }).map(({ check }) => check.id)).toEqual([3]);
  });

  test('with repair saves the whole sessions, and of a damaged one what comes before', ({ folder }) => {
    const db = three(folder);
    const truth = open(`${db}#2`);
    const folded = truth.fold(512);
    truth.close();
    tamper(db, 'UPDATE events SET a = a + 1 WHERE id = (2 << 32) + 700');
    const out = folder.at('out.db');
    expect(() => exportSessions(db, out)).toThrow(/#2 is damaged.*--repair/);
    expect(exportSessions(db, out, { repair: true }).map(({ events }) => events)).toEqual([
      expect.any(Number),
      512,
      expect.any(Number),
    ]);
    expect(verify(out).whole).toBe(true);

    const saved = open(`${out}#2`);
    expect(saved.row).toMatchObject({ outcome: 'interrupted', events: 512, ended_at: null });
    expect(sameWorld(saved.fold(), folded)).toBe(true);
    expect(reexecute(saved, asyncDoneRight)).toMatchObject({ result: 'identical', events: 512 });
    saved.close();
    const other = open(`${out}#1`);
    expect(reexecute(other, lateWriteRace).result).toBe('identical');
    other.close();
  });
});
