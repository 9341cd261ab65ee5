/** A file as somebody without dextrace sees it: through the plain `sqlite3` shell where there is one. */
import { spawnSync } from 'node:child_process';
import Database from 'better-sqlite3';

export type Row = Readonly<Record<string, string | number | null>>;

const hasShell = spawnSync('sqlite3', ['--version']).status === 0;

/** The rows that a query gives. @throws with SQLite's message */
export function query(file: string, sql: string): Row[] {
  if (hasShell) {
    const { status, stdout, stderr } = spawnSync('sqlite3', ['-json', file, sql], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) throw new Error(stderr);
    return stdout === '' ? [] : (JSON.parse(stdout) as Row[]);
  }
  const db = new Database(file);
  try {
    const statement = db.prepare(sql);
    return statement.reader ? (statement.all() as Row[]) : (statement.run(), []);
  } finally {
    db.close();
  }
}
