/** Opening a file that may be damaged. */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { InputError } from '../core/errors.ts';
import { explain, headerOf, isEmpty, patience, refuseFolder, sqlite, type Database, type Header } from './database.ts';
import { mend } from './mend.ts';
import { applicationId, formatVersion, pageSize } from './schema.ts';

/** A file that may be damaged, open as far as it can be. */
export interface Damaged {
  readonly db: Database;
  /** Why it had to be mended first; nothing when SQLite can read its structure. */
  readonly damage: string | undefined;
}

/** Opens a file that may be damaged: even one that SQLite cannot read. @throws {InputError} when it is none of ours */
export function openForInspection(file: string): Damaged {
  if (!existsSync(file)) throw new InputError(`${file}: there is no such file`);
  refuseFolder(file);
  // While a recorder has not finished, the newest pages are in the log beside the file.
  const wrong = existsSync(`${file}-wal`) ? undefined : wrongWith(file);
  if (wrong !== undefined) return { db: mend(file), damage: wrong };
  const db = new (sqlite())(resolve(file), { readonly: true, timeout: patience });
  try {
    isEmpty(db);
    return { db, damage: undefined };
  } catch (error) {
    db.close();
    const { code = '', message } = error as { readonly code?: string; readonly message: string };
    if (!/^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(code)) throw explain(file, error);
    return { db: mend(file), damage: `its header or structure is damaged: ${message}` };
  }
}

/** How a file's size is not what its header says. @throws {InputError} when it is none of ours */
function wrongWith(file: string): string | undefined {
  const header = headerOf(file);
  if (header === undefined || !isOurs(header)) throw new InputError(`${file}: is no dextrace database`);
  const { size } = statSync(file);
  const expected = header.pages * header.pageSize;
  return size === expected ? undefined : `it has ${size} bytes, and by its header ${expected}`;
}

/** Whether a file is one of ours, even if one of the signs is damaged. */
function isOurs(header: Header): boolean {
  const signs = [
    header.isDatabase,
    header.pageSize === pageSize,
    header.userVersion === formatVersion,
    header.applicationId === applicationId,
  ];
  return signs.filter(Boolean).length >= 3;
}
