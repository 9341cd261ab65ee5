/** Reading a file whose header, structure or end is damaged: by a copy of it that SQLite can open. */
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { closeRecording, openForRecording, sqlite, type Database } from './database.ts';
import { pageSize } from './schema.ts';

/** Where the header, in page 1, says how many pages there are (SQLite's file format, 1.3). */
const countOffset = 28;

/**
 * Opens a copy of the file whose structure is that of a new one, and which ends with a whole page: what else is damaged
 * stays so. The structure is made with the file and never changes, so that its pages are the same in all files.
 * @throws {InputError} when it cannot be copied
 */
export function mend(file: string): Database {
  try {
    return openMended(file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const why = `is damaged, and a copy to read it from cannot be made in ${tmpdir()}: ${(error as Error).message}`;
    throw new InputError(`${file}: ${why}`, { cause: error });
  }
}

function openMended(file: string): Database {
  const folder = mkdtempSync(join(tmpdir(), 'dextrace-'));
  try {
    const copy = join(folder, 'copy.db');
    copyFileSync(file, copy);
    const handle = openSync(copy, 'r+');
    try {
      const structure = structurePages(join(folder, 'new.db'));
      const pages = Math.max(Math.ceil(statSync(file).size / pageSize), ...structure.keys());
      ftruncateSync(handle, pages * pageSize);
      for (const [number, page] of structure) {
        if (number === 1) page.writeUInt32BE(pages, countOffset);
        writeSync(handle, page, 0, pageSize, (number - 1) * pageSize);
      }
    } finally {
      closeSync(handle);
    }
    // An open file lives on without its name.
    return new (sqlite())(copy, { readonly: true });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The pages of a new file that hold its structure, by number. */
function structurePages(file: string): Map<number, Buffer> {
  const db = openForRecording(file);
  const numbers = db.prepare("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'").pluck().all() as number[];
  closeRecording(db);
  const bytes = readFileSync(file);
  return new Map(numbers.map((number) => [number, bytes.subarray((number - 1) * pageSize, number * pageSize)]));
}
