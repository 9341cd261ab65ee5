/** Opening a dextrace file, for reading or for recording, and saying in one line why it cannot be opened. */
import { createRequire } from 'node:module';
import { existsSync, openSync, readSync, closeSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type BetterSqlite from 'better-sqlite3';
import { InputError } from '../core/errors.ts';
import { modelVersion } from '../core/events.ts';
import { applicationId, createStatements, formatVersion, pageSize } from './schema.ts';

export type Database = BetterSqlite.Database;

/** Loads the native module only when a file is opened: a run that is not stored needs none. */
export function sqlite(): typeof BetterSqlite {
  return createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite;
}

/** How long a writer waits for another one's transaction, in milliseconds. */
export const patience = 60_000;

/** Turns what SQLite says into one line for people. */
export function explain(file: string, error: unknown): unknown {
  const code = (error as { code?: string } | null)?.code;
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return error;
  const say = (what: string): InputError => new InputError(`${file}: ${what}`, { cause: error });
  if (code === 'SQLITE_NOTADB') return say('is no dextrace database');
  if (code.startsWith('SQLITE_CORRUPT')) return say('the database is damaged; see what dextrace verify says of it');
  if (code === 'SQLITE_FULL') return say('the disk is full; what was committed is kept');
  if (code.startsWith('SQLITE_READONLY')) return say('the database is read-only; record into another file with --db');
  if (code.startsWith('SQLITE_CANTOPEN')) return say('cannot be opened; check the folder and its permissions');
  if (code.startsWith('SQLITE_BUSY')) return say('another process keeps it locked; try again when it has finished');
  if (code.startsWith('SQLITE_IOERR')) return say(`cannot be read or written (${code}); check the disk`);
  return say(`cannot be used (${(error as Error).message}); see what dextrace verify says of it`);
}

/** Runs the work, explaining SQLite's errors. */
export function explained<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explain(file, error);
  }
}

export function refuseFolder(file: string): void {
  if (statSync(file).isDirectory()) throw new InputError(`${file}: is a folder; name a file in it`);
}

/** What a database says of itself in its first 100 bytes (SQLite's file format, 1.3). */
export interface Header {
  readonly isDatabase: boolean;
  readonly pageSize: number;
  readonly pages: number;
  readonly userVersion: number;
  readonly applicationId: number;
}

export function headerOf(file: string): Header | undefined {
  const bytes = Buffer.alloc(100);
  const handle = openSync(file, 'r');
  const read = readSync(handle, bytes, 0, 100, 0);
  closeSync(handle);
  if (read < 100) return undefined;
  return {
    isDatabase: bytes.toString('latin1', 0, 15) === 'SQLite format 3',
    pageSize: bytes.readUInt16BE(16) === 1 ? 65_536 : bytes.readUInt16BE(16),
    pages: bytes.readUInt32BE(28),
    userVersion: bytes.readUInt32BE(60),
    applicationId: bytes.readUInt32BE(68),
  };
}

/** A file cut short is told from its header: the number of pages that it should have. */
function checkSize(file: string): void {
  refuseFolder(file);
  const { size } = statSync(file);
  if (size === 0 || existsSync(`${file}-wal`)) return;
  const header = headerOf(file);
  if (header?.isDatabase !== true) throw new InputError(`${file}: is no dextrace database`);
  const expected = header.pageSize * header.pages;
  if (size < expected) {
    throw new InputError(
      `${file}: is truncated: ${size} of ${expected} bytes; dextrace export --repair saves what is whole`,
    );
  }
}

function checkVersions(file: string, db: Database): void {
  if (db.pragma('application_id', { simple: true }) !== applicationId) {
    throw new InputError(`${file}: is no dextrace database`);
  }
  const format = db.pragma('user_version', { simple: true }) as number;
  if (format !== formatVersion) {
    throw new InputError(
      `${file}: has format version ${format}, this dextrace reads version ${formatVersion}; use the dextrace that wrote it`,
    );
  }
}

/** Whether a file is new: it has no tables yet. */
export function isEmpty(db: Database): boolean {
  return db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
}

function checkRecordable(file: string, db: Database): void {
  checkVersions(file, db);
  const model = db.prepare("SELECT value FROM about WHERE name = 'model_version'").pluck().get();
  if (model !== String(modelVersion)) {
    throw new InputError(
      `${file}: holds recordings of model version ${String(model)}, this is version ${modelVersion}; record into another file with --db`,
    );
  }
}

/** Opens the checkpoints beside a file, making the file if wanted; undefined when there are none, or they are of no use. */
export function openCheckpoints(file: string, make: boolean): Database | undefined {
  if (!make && !existsSync(file)) return undefined;
  let db: Database | undefined;
  try {
    db = new (sqlite())(resolve(file), { timeout: 100 });
    // What a crash damages is made anew.
    db.pragma('journal_mode = MEMORY');
    db.pragma('synchronous = OFF');
    db.exec(
      'CREATE TABLE IF NOT EXISTS checkpoints (digest TEXT PRIMARY KEY, hash TEXT NOT NULL, world BLOB NOT NULL) STRICT, WITHOUT ROWID',
    );
    return db;
  } catch {
    db?.close();
    return undefined;
  }
}

/** A database in memory that has what a new file has. */
export function emptyDatabase(): Database {
  const db = new (sqlite())(':memory:');
  db.exec(createStatements());
  return db;
}

/** Opens a file that exists. @throws {InputError} saying why it cannot be read */
export function openForReading(file: string): Database {
  if (!existsSync(file)) throw new InputError(`${file}: there is no such file`);
  return explained(file, () => {
    checkSize(file);
    const db = new (sqlite())(resolve(file), { readonly: true, timeout: patience });
    try {
      checkVersions(file, db);
    } catch (error) {
      db.close();
      throw error;
    }
    return db;
  });
}

/** Waits without a clock of its own: SQLite's busy handler does not cover a change of journal mode. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Repeats work that another process may keep from succeeding for a moment. */
function persist<T>(work: () => T): T {
  for (let left = 200; ; left -= 1) {
    try {
      return work();
    } catch (error) {
      const { code } = error as { code?: string };
      if (left === 0 || code === undefined || !/^SQLITE_(BUSY|LOCKED)/.test(code)) throw error;
      pause(25);
    }
  }
}

/** Opens a file for recording, making it if there is none. @throws {InputError} saying why it cannot be written */
export function openForRecording(file: string): Database {
  if (file === '') throw new InputError('the name of the file to record into is empty');
  return explained(file, () => {
    if (existsSync(file)) {
      checkSize(file);
      if ((statSync(file).mode & 0o222) === 0) {
        throw new InputError(`${file}: the database is read-only; record into another file with --db`);
      }
    } else if (!existsSync(dirname(resolve(file))))
      throw new InputError(`${file}: there is no folder ${dirname(file)}; make it first`);
    const db = new (sqlite())(resolve(file), { timeout: patience });
    try {
      // A file that is somebody else's, or of another version, stays as it is.
      persist(() => {
        if (!isEmpty(db)) checkRecordable(file, db);
      });
      db.pragma(`page_size = ${pageSize}`);
      persist(() => db.pragma('journal_mode = WAL'));
      db.pragma('synchronous = NORMAL');
      persist(() => create(file, db));
    } catch (error) {
      db.close();
      throw error;
    }
    return db;
  });
}

/** Makes the tables, unless they are there. Two processes may try at once. */
function create(file: string, db: Database): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    if (isEmpty(db)) db.exec(createStatements());
    else checkRecordable(file, db);
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Closes a recording: the write-ahead log goes into the file, so that one file is all, unless others still use it. */
export function closeRecording(db: Database): void {
  try {
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.pragma('journal_mode = DELETE');
  } catch {
    // Another process records into the file; the last one to close it does this.
  }
  db.close();
}
