import Database from 'better-sqlite3';
import { chmodSync, mkdirSync, readFileSync, readdirSync, truncateSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { test as plain, type Folder } from '../support-cli/folder.ts';
import { expectFine, expectRefusal } from '../support-cli/said.ts';

/** Every command that opens a file, but the one that writes it. */
const readers = (file: string): string[][] => [
  ['sessions', file],
  ['show', file],
  ['replay', file],
];
const writer = (file: string): string[] => ['record', 'inline-copy', '--set', 'size=64', '--db', file];

const test = plain.extend<{ recorded: Folder }>({
  recorded: async ({ folder }, use) => {
    expectFine(folder.run(...writer('ok.db')));
    await use(folder);
  },
});

function change(file: string, sql: string): void {
  const db = new Database(file);
  db.exec(sql);
  db.close();
}

/** Files of the folder that are no input of the test. */
const files = (folder: Folder): string[] => readdirSync(folder.path).filter((name) => name !== 'node_modules');

describe('a file that is no database of ours', () => {
  const texts: [what: string, text: string][] = [
    ['a text file', 'Dear diary,\n'],
    ['a long text file', 'Dear diary, '.repeat(10_000)],
    ['one byte', '\0'],
    ["nothing but SQLite's first words", 'SQLite format 3\0'],
    ["SQLite's first words and nonsense", `SQLite format 3\0${'nonsense'.repeat(1_000)}`],
  ];
  test.for(texts)('%s', ([, text], { folder }) => {
    folder.write('my.db', text);
    for (const args of [...readers('my.db'), writer('my.db')])
      expectRefusal(folder.run(...args), /my\.db: (is no dextrace database|is truncated|the database is damaged)/);
    expect(readFileSync(folder.at('my.db'), 'latin1')).toBe(text);
    expect(files(folder)).toEqual(['my.db']);
  });

  test('an empty one, as a recorder leaves that is killed at once, can be recorded into', ({ folder }) => {
    folder.write('my.db', '');
    for (const args of readers('my.db')) expectRefusal(folder.run(...args), /my\.db: is no dextrace database/);
    expectFine(folder.run(...writer('my.db')));
    expectFine(folder.run('replay', 'my.db#1'));
  });

  test("somebody else's SQLite file stays as it was, to the byte", ({ folder }) => {
    change(folder.at('theirs.db'), 'CREATE TABLE diary (day, text); INSERT INTO diary VALUES (1, 2);');
    const before = readFileSync(folder.at('theirs.db'));
    for (const args of [...readers('theirs.db'), writer('theirs.db')])
      expectRefusal(folder.run(...args), /theirs\.db: is no dextrace database/);
    expect(readFileSync(folder.at('theirs.db')).equals(before)).toBe(true);
    expect(files(folder)).toEqual(['theirs.db']);
  });

  test('a folder', ({ folder }) => {
    mkdirSync(folder.at('dir'));
    for (const args of [...readers('dir'), writer('dir')]) expectRefusal(folder.run(...args), /dir: is a folder/);
  });

  test('a file in a folder that is not there', ({ folder }) => {
    for (const args of readers('dir/my.db')) expectRefusal(folder.run(...args), /dir\/my\.db: there is no such file/);
    expectRefusal(folder.run(...writer('dir/my.db')), /dir\/my\.db: there is no folder dir/);
  });

  test('a file that is not there', ({ folder }) => {
    for (const args of readers('my.db')) expectRefusal(folder.run(...args), /my\.db: there is no such file/);
    expectRefusal(folder.run('replay', '#1'), /dextrace\.db: there is no such file/);
  });

  test('no name at all', ({ folder }) => {
    expectRefusal(folder.run(...writer('')), /the name of the file to record into is empty/);
  });
});

describe('a file that was ours', () => {
  // A header, a page, the schema, the events; the file has some 150,000 bytes.
  test.for([100, 512, 8_192, 8_193, 50_000, 120_000])('cut after %i bytes', (size, { recorded }) => {
    truncateSync(recorded.at('ok.db'), size);
    const before = readFileSync(recorded.at('ok.db'));
    for (const args of [...readers('ok.db'), writer('ok.db')]) {
      expectRefusal(
        recorded.run(...args),
        new RegExp(`ok\\.db: is truncated: ${size} of \\d+ bytes; dextrace export --repair saves what is whole`),
      );
    }
    expect(readFileSync(recorded.at('ok.db')).equals(before)).toBe(true);
  });

  test('of a newer format', ({ recorded }) => {
    change(recorded.at('ok.db'), 'PRAGMA user_version = 1');
    const before = readFileSync(recorded.at('ok.db'));
    for (const args of [...readers('ok.db'), writer('ok.db')]) {
      expectRefusal(recorded.run(...args), /ok\.db: has format version 1, this dextrace reads version 2/);
    }
    expect(readFileSync(recorded.at('ok.db')).equals(before)).toBe(true);
    expect(files(recorded)).toEqual(['ok.db']);
  });

  test('of another model: it can be listed, but not recorded into', ({ recorded }) => {
    change(
      recorded.at('ok.db'),
      "UPDATE about SET value = '0' WHERE name = 'model_version'; UPDATE sessions SET model_version = 0",
    );
    expectRefusal(
      recorded.run(...writer('ok.db')),
      /ok\.db: holds recordings of model version 0, this is version \d+; record into another file/,
    );
    expect(files(recorded)).toEqual(['ok.db']);
    expectFine(recorded.run('sessions', 'ok.db'));
    expectRefusal(recorded.run('show', 'ok.db'), /ok\.db#1 was recorded by model version 0/);
  });

  test('read-only: it can be read, but not recorded into', ({ recorded }) => {
    chmodSync(recorded.at('ok.db'), 0o444);
    expectRefusal(
      recorded.run(...writer('ok.db')),
      /ok\.db: the database is read-only; record into another file with --db/,
    );
    for (const args of readers('ok.db')) expectFine(recorded.run(...args));
    expect(files(recorded)).toEqual(['ok.db']);
  });
});

describe('a session that is not there', () => {
  const missing: [name: string, says: RegExp][] = [
    ['ok.db#2', /ok\.db: has no session #2; there are: #1\n/],
    ['ok.db#0', /ok\.db: has no session #0/],
    ['ok.db#99999999999999999999', /ok\.db: has no session #/],
    ['ok.db#abc', /"ok\.db#abc" names no session: write FILE#ID/],
    ['#abc', /"#abc" names no session: write FILE#ID, or #ID for a session in dextrace\.db/],
    ['#', /"#" names no session/],
    ['', /"" names no session/],
  ];
  test.for(missing)('%s', ([name, says], { recorded }) => {
    for (const command of ['show', 'replay']) expectRefusal(recorded.run(command, name), says);
  });
});
