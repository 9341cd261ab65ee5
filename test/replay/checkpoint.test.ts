import Database from 'better-sqlite3';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { open, record, sameWorld, verify, type Session, type World } from '../../index.ts';
import asyncDoneRight from '../../examples/async-done-right.ts';
import { Checkpoints, eventsPerCheckpoint } from '../../store/checkpoints.ts';
import { test, type Folder } from '../support-cli/folder.ts';

/** A recording of more than four checkpoints. */
function recorded(folder: Folder): Session {
  const session = open(
    record(asyncDoneRight, { db: folder.at('my.db'), set: { rounds: 90 }, strategy: 'timed' }).session!,
  );
  expect(session.row.events).toBeGreaterThan(4 * eventsPerCheckpoint);
  return session;
}

const beside = (folder: Folder): string => folder.at('my.db-checkpoints');

/** Deep equality does not look at the order of a map, but what follows may. */
function expectSame(world: World, folded: World): void {
  expect(sameWorld(world, folded)).toBe(true);
  for (const [key, part] of Object.entries(folded)) {
    if (part instanceof Map) expect([...(world[key as 'frames'] as typeof part).keys()], key).toEqual([...part.keys()]);
  }
}

/** Places around checkpoints, in no order. */
const places = [3, 1, 4, 2].flatMap((n) => [
  n * eventsPerCheckpoint + 1,
  n * eventsPerCheckpoint,
  n * eventsPerCheckpoint - 1,
  100,
]);

describe('checkpoints', () => {
  test('are made by the first seek, and change no answer', ({ folder }) => {
    const session = recorded(folder);
    expect(existsSync(beside(folder))).toBe(false);
    const timeline = session.timeline();
    for (const count of places) expectSame(timeline.after(count), session.fold(count));
    const end = session.row.events;
    const row = session.row;
    session.close();
    expect(existsSync(beside(folder))).toBe(true);

    // Another look, in a new process as it were, finds them.
    const again = open(`${folder.at('my.db')}#${row.id}`);
    const mark = again.mark(2 * eventsPerCheckpoint)!;
    expectSame(new Checkpoints(folder.at('my.db')).find(mark.digest)!, again.fold(2 * eventsPerCheckpoint));
    for (const count of [...places, end]) expectSame(again.timeline().after(count), again.fold(count));
    again.close();
    expect(verify(folder.at('my.db')).whole).toBe(true);
  });

  test('that are damaged count as not there, wherever the damage is', ({ folder }) => {
    const session = recorded(folder);
    const at = 2 * eventsPerCheckpoint + 5;
    const folded = session.fold(at);
    session.timeline().after(at);
    session.close();
    const bytes = readFileSync(beside(folder));
    for (let i = 0; i < 40; i += 1) {
      const copy = Buffer.from(bytes);
      copy[Math.floor(((i + 0.5) * bytes.length) / 40)]! ^= 0x10;
      writeFileSync(beside(folder), copy);
      const again = open(folder.at('my.db'));
      expectSame(again.timeline().after(at), folded);
      again.close();
    }
    writeFileSync(beside(folder), 'no database at all');
    const again = open(folder.at('my.db'));
    expectSame(again.timeline().after(at), folded);
    again.close();
  });

  test('of other events, or swapped among each other, are not taken', ({ folder }) => {
    const session = recorded(folder);
    const at = 2 * eventsPerCheckpoint + 5;
    const folded = session.fold(at);
    session.timeline().after(at);
    const digests = [1, 2].map((n) => session.mark(n * eventsPerCheckpoint)!.digest);
    session.close();
    const db = new Database(beside(folder));
    const other = db.prepare('SELECT hash, world FROM checkpoints WHERE digest = ?').get(digests[0]) as object;
    const changes = db.prepare('UPDATE checkpoints SET hash = @hash, world = @world WHERE digest = @digest');
    expect(changes.run({ ...other, digest: digests[1] }).changes).toBe(1);
    db.close();
    const again = open(folder.at('my.db'));
    expectSame(again.timeline().after(at), folded);
    again.close();
  });

  test('that were made wrongly are found by verify', ({ folder }) => {
    const session = recorded(folder);
    const { digest } = session.mark(eventsPerCheckpoint)!;
    const wrong = session.fold(eventsPerCheckpoint);
    wrong.nextId += 1;
    session.checkpoints.keep(digest, wrong);
    session.close();
    const found = verify(folder.at('my.db'));
    expect(found.whole).toBe(false);
    expect(found.sessions[0]!.damages).toEqual([expect.stringContaining('the checkpoint after 8192 events is wrong')]);
  });

  test('are kept in memory where no file can be made', ({ folder }) => {
    const session = recorded(folder);
    chmodSync(folder.path, 0o555);
    try {
      const at = 2 * eventsPerCheckpoint + 5;
      expectSame(session.timeline().after(at), session.fold(at));
      expect(session.checkpoints.find(session.mark(eventsPerCheckpoint)!.digest)).toBeDefined();
    } finally {
      chmodSync(folder.path, 0o755);
      session.close();
    }
    rmSync(beside(folder), { force: true });
  });
});
