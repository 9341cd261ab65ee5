import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { open, record, reexecute, sameWorld } from '../../index.ts';
import asyncDoneRight from '../../examples/async-done-right.ts';
import { test } from '../support-cli/folder.ts';

test('a checkpoint is an aid to speed, never truth: with it and without, the same worlds', ({ folder }) => {
  const db = folder.at('my.db');
  const { session: name, world, events } = record(asyncDoneRight, { db, set: { rounds: 490 }, strategy: 'timed' });
  const session = open(name!);
  const { events: at, world: stored } = session.checkpoint(0, events)!;
  expect(at).toBeGreaterThan(200_000);
  expect(session.checkpoint(0, at - 1)).toBeUndefined();
  expect(session.checkpoint(at, events)).toBeUndefined();
  const folded = session.fold(at);
  expect(sameWorld(stored, folded)).toBe(true);
  // Deep equality does not look at the order of a map, but what follows may.
  for (const [key, part] of Object.entries(folded)) {
    if (part instanceof Map)
      expect([...(stored[key as 'frames'] as typeof part).keys()], key).toEqual([...part.keys()]);
  }
  const timeline = session.timeline();
  for (const count of [at + 3_000, at + 1, at, 100]) {
    expect(sameWorld(timeline.after(count), session.fold(count)), `after ${count}`).toBe(true);
  }
  expect(sameWorld(session.fold(), world)).toBe(true);
  session.close();

  const file = new Database(db);
  expect(file.prepare('DELETE FROM checkpoints').run().changes).toBe(1);
  file.close();
  const without = open(name!);
  expect(sameWorld(without.timeline().after(100), without.fold(100))).toBe(true);
  expect(reexecute(without, asyncDoneRight).result).toBe('identical');
  without.close();
});
