import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { firstTurn, open, record, type Session, type Turned, type World } from '../../../index.ts';
import { bytesAre, eventsWhileMapped, expressionHolds, parseBytes } from '../../../replay/delta/predicates.ts';
import { firstFinding } from '../../../replay/delta/first-finding.ts';
import { evolve } from '../../../core/evolve.ts';
import race from '../../../examples/late-write-race.ts';

const db = join(mkdtempSync(join(tmpdir(), 'dextrace-turn-')), 'race.db');
const session: Session = open(record(race, { seed: 1, db }).session!);
afterAll(() => session.close());

/** The event at which memory comes to have those bytes, as long as it is mapped. */
function turnTo(text: string): Turned {
  const bytes = parseBytes(text);
  return firstTurn(session, bytesAre(bytes), eventsWhileMapped(session, bytes));
}

/** The last event before which it does not hold, and after which it does: by looking at every world. */
function byHand(holds: (world: World) => boolean): number {
  const world = session.fold(0);
  let last = -1;
  let before = holds(world);
  for (const { seq, event, actor, tick } of session.events()) {
    evolve(world, event, actor, tick);
    const after = holds(world);
    if (after && !before) last = seq;
    before = after;
  }
  return last;
}

describe('the event at which something turns and stays', () => {
  test('bytes at an address, as the event that stores them', () => {
    const { recorded, held, follow } = turnTo('app:0x104000940=5555');
    expect(recorded.event).toMatchObject({ kind: 'memory.fill', value: 0x55, address: 0x104000940 });
    expect(held).toBe(follow);
    expect(turnTo('app:0x104000940=55').recorded.seq).toBe(recorded.seq);
  });

  test('is the last of several turns', () => {
    // An item more, and it does not hold; another one, and it does again.
    const holds = (world: World): boolean => world.time === 0 && world.items.size % 2 === 0 && world.nextId > 20;
    expect(firstTurn(session, holds).recorded.seq).toBe(byHand(holds));
  });

  test('an expression', () => {
    const holds = expressionHolds('[...world.connections.values()].some(({ state }) => state === "stopped")');
    const { recorded } = firstTurn(session, holds);
    expect(recorded.event).toMatchObject({ kind: 'connection.state', state: 'stopped' });
  });

  test('takes few looks where it stays', () => {
    const { looks, held } = turnTo('app:0x104000940=55');
    expect(looks - held).toBeLessThanOrEqual(2 + Math.ceil(Math.log2(session.row.events)));
  });

  test('what never holds, or always, is refused', () => {
    expect(() => firstTurn(session, () => false)).toThrow('it does not hold after');
    expect(() => firstTurn(session, () => true)).toThrow('holds from the start');
  });
});

test('predicates that are none are refused', () => {
  for (const text of ['app', 'app:12', 'app:0x10=5', 'app:x=55'])
    expect(() => parseBytes(text)).toThrow('names no bytes');
  expect(() => expressionHolds('world.')).toThrow('the expression "world."');
  expect(() => firstTurn(session, expressionHolds('world.nothing.at'))).toThrow(/the expression .*undefined/);
});

test('a finding: a recorded one, and one that only watching again comes to', () => {
  expect(firstFinding(session, 'check')).toMatchObject({ seq: session.row.events - 1 });
  expect(firstFinding(session, 'late-write')!.message).toMatch(/memory.fill/);
  expect(firstFinding(session, 'deadlock')).toBeUndefined();
});
