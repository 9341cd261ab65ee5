/**
 * `npm run bench`: ratios against baselines measured in the same run, in turns, because machines are noisy.
 * `npm run bench -- memory` measures peak memory of recording 1 M and 10 M events instead, `npm run bench -- bisect` how
 * many executions a bisection of long runs takes,
 * `npm run bench -- search` only the searches, and `npm run bench -- bugs 1000` which search shows which bug how often.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type BetterSqlite from 'better-sqlite3';
import { diff, open, record, type Session } from 'dextrace';
import { bisectLong } from './bisect.ts';
import { chances } from './chances.ts';
import stream from './scenario.ts';
import { againstFastCheck, reduction } from './search.ts';

const Sqlite = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite;

/** About a million events. */
const rounds = 120;
const turns = 5;

const folder = mkdtempSync(join(tmpdir(), 'dextrace-bench-'));
const sessionFile = join(folder, 'session.db');
const rawFile = join(folder, 'raw.db');

/** Seconds that the work takes. */
function seconds(work: () => void): number {
  const before = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - before) / 1e9;
}

function remove(file: string): void {
  for (const end of ['', '-wal', '-shm', '-checkpoints']) rmSync(file + end, { force: true });
}

/** Runs without storing. */
function runOnce(watching: Parameters<typeof record>[1]): number {
  return record(stream, { set: { rounds }, maxSteps: 1e9, ...watching }).events;
}

function recordOnce(size: number): number {
  remove(sessionFile);
  return record(stream, { db: sessionFile, set: { rounds: size }, maxSteps: 1e9 }).events;
}

/** Reads a recorded session's rows as argument lists, grouped for statements of `perStatement` rows. */
function rowsOf(file: string, perStatement: number): unknown[][] {
  const db = new Sqlite(file, { readonly: true });
  const lists: unknown[][] = [];
  let list: unknown[] = [];
  let count = 0;
  for (const row of db.prepare('SELECT * FROM events ORDER BY id').raw().iterate() as Iterable<unknown[]>) {
    list.push(...row);
    count += 1;
    if (count % perStatement === 0) {
      lists.push(list);
      list = [];
    }
  }
  db.close();
  return lists;
}

/** Inserts prepared rows as fast as better-sqlite3 can: many rows to a statement, thousands to a transaction. */
function insertRaw(lists: readonly unknown[][], perStatement: number): number {
  remove(rawFile);
  const db = new Sqlite(rawFile);
  db.pragma('page_size = 8192');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.exec(
    'CREATE TABLE events (id INTEGER PRIMARY KEY, tick INTEGER NOT NULL, actor INTEGER NOT NULL, kind INTEGER NOT NULL, a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER, f INTEGER, data BLOB) STRICT',
  );
  const row = '(?,?,?,?,?,?,?,?,?,?,?)';
  const insert = db.prepare(`INSERT INTO events VALUES ${Array.from({ length: perStatement }, () => row).join(',')}`);
  const perCommit = Math.floor(4_000 / perStatement);
  for (let i = 0; i < lists.length; i += perCommit) {
    db.exec('BEGIN IMMEDIATE');
    for (const list of lists.slice(i, i + perCommit)) insert.run(list);
    db.exec('COMMIT');
  }
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.pragma('journal_mode = DELETE');
  db.close();
  return lists.length * perStatement;
}

/** Reads every row and does nothing with it, a page at a time. */
function iterateRaw(file: string): number {
  const db = new Sqlite(file, { readonly: true });
  const page = db.prepare('SELECT * FROM events WHERE id > ? ORDER BY id LIMIT 5000').raw();
  let last = 0;
  let count = 0;
  for (;;) {
    const rows = page.all(last) as number[][];
    if (rows.length === 0) break;
    count += rows.length;
    last = rows.at(-1)![0]!;
  }
  db.close();
  return count;
}

function foldOnce(): number {
  const session = open(sessionFile);
  session.fold();
  session.close();
  return session.row.events;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const perSecond = (rate: number): string => `${Math.round(rate / 1000)} k/s`;

/** Measures two rates in turns and prints the median of their ratio. */
function compare(what: string, ours: () => number, baseline: () => number, aim: number): void {
  ours();
  baseline();
  const rates: { ours: number; baseline: number }[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const rate = (work: () => number): number => {
      let count = 0;
      const time = seconds(() => {
        count = work();
      });
      return count / time;
    };
    rates.push({ ours: rate(ours), baseline: rate(baseline) });
  }
  const ratio = median(rates.map((r) => r.ours / r.baseline));
  console.log(
    `${what.padEnd(44)} ${ratio.toFixed(2)} (aim ${aim})   ${perSecond(median(rates.map((r) => r.ours)))} to ${perSecond(median(rates.map((r) => r.baseline)))}`,
  );
}

/** The fastest of a few group sizes is the baseline. */
function fastestInsert(): () => number {
  const candidates = [20, 50, 90].map((size) => {
    const lists = rowsOf(sessionFile, size);
    return { time: Math.min(...[1, 2].map(() => seconds(() => insertRaw(lists, size)))), size };
  });
  const { size } = candidates.toSorted((a, b) => a.time - b.time)[0]!;
  const lists = rowsOf(sessionFile, size);
  return () => insertRaw(lists, size);
}

/** Reads all events of two sessions of the same scenario under different seeds, or holds the two against each other. */
function twoSessions(): { read: () => number; compare: () => number } {
  const file = join(folder, 'two.db');
  const names = [1, 2].map((seed) => record(stream, { db: file, seed, set: { rounds }, maxSteps: 1e9 }).session!);
  const both = (work: (a: Session, b: Session) => void): number => {
    const [a, b] = names.map((name) => open(name));
    work(a!, b!);
    const events = a!.row.events + b!.row.events;
    a!.close();
    b!.close();
    return events;
  };
  const readAll = (session: Session): void => {
    for (const _ of session.events());
  };
  return {
    read: () =>
      both((a, b) => {
        readAll(a);
        readAll(b);
      }),
    compare: () => both((a, b) => void diff(a, b)),
  };
}

/** How much quicker a leap to some event is than a fold of the session from its start. The first leap makes the checkpoints. */
function seeks(): void {
  const session = open(sessionFile);
  const { events } = session.row;
  session.timeline().after(events);
  const whole = median([1, 2, 3].map(() => seconds(() => session.fold())));
  const places = Array.from({ length: 41 }, (_, i) => (i * 7_919 * 131) % events);
  const leaps = places.map((place) => seconds(() => session.timeline().after(place)));
  session.close();
  const times = [whole / median(leaps), whole / Math.max(...leaps)].map((ratio) => Math.round(ratio));
  console.log(`${'fold to a seek, and to the slowest of 41'.padEnd(44)} ${times[0]}, ${times[1]} (aim 100)`);
}

function throughput(): void {
  recordOnce(rounds);
  const raw = fastestInsert();
  compare('recorded events to raw inserts', () => recordOnce(rounds), raw, 0.7);
  compare('folded events to iterated rows', foldOnce, () => iterateRaw(sessionFile), 0.5);
  seeks();
  const two = twoSessions();
  compare('compared events to read events', two.compare, two.read, 0.34);
  const { events } = open(sessionFile).row;
  console.log(`${'bytes an event'.padEnd(44)} ${(statSync(sessionFile).size / events).toFixed(1)} (aim at most 40)`);
  compare(
    'run under all rules but races to unwatched',
    () => runOnce({}),
    () => runOnce({ rules: [] }),
    0.9,
  );
  compare(
    'run under races to unwatched',
    () => runOnce({ rules: [], races: true }),
    () => runOnce({ rules: [] }),
    0.4,
  );
}

async function search(): Promise<void> {
  await againstFastCheck(turns);
  reduction();
}

/** Peak resident memory, in MiB, of a process of its own that records about that many events. */
function peakMemory(size: number): { events: number; peak: number } {
  const child = spawnSync(process.execPath, [process.argv[1]!, 'record', String(size)], { encoding: 'utf8' });
  return JSON.parse(child.stdout) as { events: number; peak: number };
}

function memory(): void {
  const one = peakMemory(rounds);
  const ten = peakMemory(rounds * 10);
  console.log(
    `peak memory of ${one.events} events: ${one.peak} MiB; of ${ten.events} events: ${ten.peak} MiB (aim under 300)`,
  );
  console.log(`ratio ${(ten.peak / one.peak).toFixed(2)} (aim at most 1.2)`);
}

function bisection(): void {
  const { differing, tests, sentence } = bisectLong();
  console.log(`bisect over ${differing} steps out of place: ${tests} tests (aim at most 50)`);
  console.log(sentence);
}

try {
  const [mode, size] = process.argv.slice(2);
  if (mode === 'record') {
    const events = recordOnce(Number(size));
    console.log(JSON.stringify({ events, peak: Math.round(process.resourceUsage().maxRSS / 1024) }));
  } else if (mode === 'memory') memory();
  else if (mode === 'bisect') bisection();
  else if (mode === 'search') await search();
  else if (mode === 'bugs') await chances(Number(size ?? 1_000));
  else {
    throughput();
    await search();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
