import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { InputError, open, record } from '../../index.ts';
import { decisionsOf, formatSchedule, parseSchedule, ScheduleWriter } from '../../scheduler/schedule.ts';
import lateWriteRace from '../../examples/late-write-race.ts';
import { test } from '../support-cli/folder.ts';

/** Decisions as runs make them: one actor several times, then another. */
const decisions = fc
  .array(fc.tuple(fc.oneof(fc.nat(8), fc.nat(300), fc.nat(2 ** 28)), fc.integer({ min: 1, max: 300 })), {
    maxLength: 40,
  })
  .map((runs) => runs.flatMap(([actor, length]) => Array.from({ length }, () => actor)));

function bytesOf(actors: readonly number[]): Uint8Array {
  const writer = new ScheduleWriter();
  for (const actor of actors) writer.push(actor);
  return writer.take();
}

describe('a schedule', () => {
  test('comes back from its string as it was', () => {
    fc.assert(
      fc.property(decisions, (actors) => {
        const text = formatSchedule(bytesOf(actors));
        expect(text).toMatch(/^s1\.[\w-]*$/); // can be pasted anywhere, without quotes
        expect([...decisionsOf(parseSchedule(text))]).toEqual(actors);
      }),
    );
  });

  test('comes back from its pieces, wherever it was cut', () => {
    fc.assert(
      fc.property(decisions, fc.integer({ min: 1, max: 100 }), (actors, size) => {
        const writer = new ScheduleWriter();
        const pieces: Uint8Array[] = [];
        for (const [i, actor] of actors.entries()) {
          writer.push(actor);
          if (i % size === 0) pieces.push(writer.take());
        }
        pieces.push(writer.take());
        expect(writer.count).toBe(actors.length);
        expect(pieces.flatMap((piece) => [...decisionsOf(piece)])).toEqual(actors);
      }),
    );
  });

  test('is short: a run of one actor is two numbers', () => {
    expect(formatSchedule(bytesOf([]))).toBe('s1.');
    expect([...bytesOf(Array.from({ length: 100 }, () => 5))]).toEqual([5, 100]);
    expect([...bytesOf([5, 5, 300, 5])]).toEqual([5, 2, 0xac, 0x02, 1, 5, 1]);
  });

  test('of a session is the string of its decisions', ({ folder }) => {
    const { session: name } = record(lateWriteRace, { db: folder.at('my.db') });
    const session = open(name!);
    const all = [...session.decisions()];
    expect(all).toHaveLength(session.row.decisions);
    expect(all.length).toBeGreaterThan(100);
    expect([...decisionsOf(parseSchedule(session.schedule()))]).toEqual(all);
    session.close();
  });
});

describe('a string that is no schedule is refused, at the latest when it is followed', () => {
  const wrong: [what: string, text: string][] = [
    ['nothing', ''],
    ['no version', 'BQE'],
    ['a newer version', 's2.BQE'],
    ['other letters', 's1.BQE='],
    ['a space', 's1.BQ E'],
    ['a number that does not end', `s1.${Buffer.from([0x85]).toString('base64url')}`],
    ['an actor without a length', `s1.${Buffer.from([5]).toString('base64url')}`],
    ['a good beginning, cut short', `s1.${Buffer.from([5, 1, 0x85]).toString('base64url')}`],
    [
      'a number that is too large',
      `s1.${Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1]).toString('base64url')}`,
    ],
  ];
  test.for(wrong)('%s', ([, text]) => {
    expect(() => [...decisionsOf(parseSchedule(text))]).toThrow(InputError);
  });
});
