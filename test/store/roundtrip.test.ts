import Database from 'better-sqlite3';
import fc from 'fast-check';
import { existsSync, rmSync, statSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { open, record, type AnyEvent } from '../../index.ts';
import { kindNumbers, modelVersion } from '../../core/events.ts';
import { Reader } from '../../store/reader.ts';
import { DigestWriter, SessionWriter } from '../../store/writer.ts';
import asyncDoneRight from '../../examples/async-done-right.ts';
import clientMemory from '../../examples/client-memory.ts';
import deviceToApp from '../../examples/device-to-app.ts';
import lateWrite from '../../examples/late-write.ts';
import { anyStep } from '../support-cli/events.ts';
import { test } from '../support-cli/folder.ts';

const head = {
  title: 'any',
  scenario: '',
  scenarioVersion: '',
  modelVersion,
  seed: '1',
  strategy: 'random',
  options: '{}',
  maxSteps: 1,
  startedAt: '2026-01-01T00:00:00Z',
  dextrace: '0',
  node: '0',
};

interface Timed {
  readonly event: AnyEvent;
  readonly actor: number;
  readonly tick: number;
}

/** Each at its own time: the pauses added up. */
function timed(steps: readonly { event: AnyEvent; actor: number; pause: number }[]): Timed[] {
  let tick = 0;
  return steps.map(({ event, actor, pause }) => ({ event, actor, tick: (tick += pause) }));
}

function digestOf(events: Iterable<Timed>): string {
  const writer = new DigestWriter();
  for (const { event, actor, tick } of events) {
    if (writer.add(event, kindNumbers.get(event.kind)!, actor, tick)) writer.commit(0, 0, new Uint8Array(0));
  }
  return writer.digestValue();
}

describe('a session', () => {
  test('comes back from its file as it was, whatever the events, however they were committed', ({ folder }) => {
    const file = folder.at('my.db');
    const steps = fc.array(
      anyStep.filter(({ event }) => event.kind !== 'actor.create'),
      { maxLength: 130 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 140 }), (drawn, perCommit) => {
        const events = timed(drawn);
        const writer = new SessionWriter(file, head);
        for (const [i, { event, actor, tick }] of events.entries()) {
          writer.add(event, kindNumbers.get(event.kind)!, actor, tick);
          if ((i + 1) % perCommit === 0) writer.commit(i, 0, new Uint8Array(0));
        }
        writer.commit(events.length, 0, new Uint8Array(0));
        writer.finish('passed', undefined, [], 'now');

        const reader = new Reader(file);
        const row = reader.session(1);
        expect([...reader.events(row)]).toStrictEqual(
          events.map((timedEvent, seq) => ({
            seq,
            tick: timedEvent.tick,
            actor: timedEvent.actor,
            event: timedEvent.event,
          })),
        );
        expect(row).toMatchObject({ events: events.length, digest: digestOf(events), outcome: 'passed' });
        reader.close();
        rmSync(file);
      }),
      { numRuns: 40 },
    );
  });

  test('has the digest of its rows: from the file alone it can be computed again', ({ folder }) => {
    for (const [i, scenario] of [lateWrite, deviceToApp, clientMemory].entries()) {
      const { session: name, digest } = record(scenario, { db: folder.at('my.db'), seed: i, strategy: 'timed' });
      const session = open(name!);
      expect(session.row.digest).toBe(digest);
      expect(digestOf(session.events())).toBe(digest);
      session.close();
    }
  });

  test('an event that is missing in the file is said, not skipped', ({ folder }) => {
    const { session: name } = record(deviceToApp, { db: folder.at('my.db') });
    const db = new Database(folder.at('my.db'));
    db.exec('DROP TRIGGER events_no_delete; DELETE FROM events WHERE id & 4294967295 = 50');
    db.close();
    const session = open(name!);
    expect(() => session.fold()).toThrow(/my\.db#1: event 50 is missing; see what dextrace verify says of it/);
    expect([...session.events({ to: 49 })]).toHaveLength(50);
    session.close();
  });
});

describe('the size of a file', () => {
  test('is at most 40 bytes an event, indexes included', ({ folder }) => {
    const { events } = record(asyncDoneRight, { db: folder.at('my.db'), set: { rounds: 200 } });
    expect(events).toBeGreaterThan(100_000);
    expect(statSync(folder.at('my.db')).size / events).toBeLessThanOrEqual(40);
  });

  test('one file is all: nothing lies beside it', ({ folder }) => {
    record(deviceToApp, { db: folder.at('my.db') });
    for (const end of ['-wal', '-shm', '-journal']) expect(existsSync(folder.at(`my.db${end}`))).toBe(false);
  });
});
