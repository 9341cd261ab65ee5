import { describe, expect } from 'vitest';
import { open, record, sameWorld, type Scenario, type Session, type World } from '../../index.ts';
import clientMemory from '../../examples/client-memory.ts';
import inlineCopy from '../../examples/inline-copy.ts';
import { test, type Folder } from '../support-cli/folder.ts';

const cases: [name: string, scenario: Scenario, set: Record<string, number>][] = [
  ['inline-copy', inlineCopy, { size: 256 }],
  [
    'client-memory',
    clientMemory,
    { size: 20 * 1024, 'machine.pageSize': 4096, 'machine.storeWidth': 2048, 'machine.beat': 2048 },
  ],
];

function recorded(folder: Folder, scenario: Scenario, set: Record<string, number>): Session {
  return open(record(scenario, { db: folder.at('my.db'), seed: 2, set }).session!);
}

/** The worlds after 0, 1, 2 … events, each folded from the start, on its own memory. */
function folds(session: Session): World[] {
  return Array.from({ length: session.row.events + 1 }, (_, count) => session.fold(count));
}

describe.for(cases)('the timeline of %s', ([, scenario, set]) => {
  test('shows each event with the worlds before and after it, and all of them stay as they were', ({ folder }) => {
    const session = recorded(folder, scenario, set);
    const timeline = session.timeline();
    const changes = Array.from({ length: session.row.events }, (_, seq) => timeline.change(seq));
    // Compared when all have been made: what a later event did must not show in an earlier world.
    const worlds = folds(session);
    for (const [seq, { recorded: event, before, after }] of changes.entries()) {
      expect(event.seq).toBe(seq);
      expect(sameWorld(before, worlds[seq]!), `before event ${seq}`).toBe(true);
      expect(sameWorld(after, worlds[seq + 1]!), `after event ${seq}`).toBe(true);
    }
    session.close();
  });

  test('can be gone through backwards and in leaps', ({ folder }) => {
    const session = recorded(folder, scenario, set);
    const timeline = session.timeline();
    const { events } = session.row;
    const stops = [events, 0, events - 1, 1, 100, 99, 101, 100, 100, 30, events];
    const seen = stops.map((count) => timeline.after(count));
    for (const [i, count] of stops.entries())
      expect(sameWorld(seen[i]!, session.fold(count)), `after ${count}`).toBe(true);
    session.close();
  });

  test('its worlds cannot be changed, and share what they have in common', ({ folder }) => {
    const session = recorded(folder, scenario, set);
    const { before, after } = session.timeline().change(session.row.events - 1);
    expect(() => {
      before.time = 5;
    }).toThrow(TypeError);
    expect(() => before.actors.clear()).toThrow(/frozen/);
    expect(after.devices).toBe(before.devices);
    session.close();
  });
});

describe('what an event changed', () => {
  test('a store: the bytes that differ, and nothing else', ({ folder }) => {
    const session = recorded(folder, inlineCopy, { size: 256 });
    const timeline = session.timeline();
    const fills = [...session.events({ kind: 'memory.fill' })];
    const [first] = fills.map(({ seq }) => timeline.change(seq));
    expect(first!.differences).toEqual([
      {
        op: 'replace',
        path: ['frames', expect.any(Number), 'bytes'],
        value: new Uint8Array(64).fill(0xaa),
        offset: expect.any(Number),
      },
    ]);
    session.close();
  });

  test('a session has no more events than it has', ({ folder }) => {
    const session = recorded(folder, inlineCopy, { size: 64 });
    const { events } = session.row;
    expect(() => session.timeline().change(events)).toThrow(RangeError);
    for (const count of [-1, events + 1, 1.5])
      expect(() => session.fold(count)).toThrow(`has ${events} events; there is no world after ${count}`);
    session.close();
  });
});
