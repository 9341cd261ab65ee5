/** Schedules as bytes and as pasteable strings. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { note } from '../../index.ts';
import { InputError } from '../../core/errors.ts';
import { decisionsOf, formatSchedule, parseSchedule, ScheduleWriter } from '../../scheduler/schedule.ts';
import { scripted, ScheduleMismatch } from '../../scheduler/scripted.ts';

function bytesOf(decisions: readonly number[]): Uint8Array {
  const writer = new ScheduleWriter();
  for (const actor of decisions) writer.push(actor);
  expect(writer.count).toBe(decisions.length);
  return writer.take();
}

const actor = fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 2 ** 31 - 1 }));

describe('as bytes', () => {
  test('runs of one actor are two numbers', () => {
    expect([...bytesOf([3, 3, 3, 5])]).toEqual([3, 3, 5, 1]);
    expect([...bytesOf(Array.from({ length: 300 }, () => 200))]).toEqual([0xc8, 0x01, 0xac, 0x02]);
    expect([...bytesOf([])]).toEqual([]);
  });

  test('what is written is read again, however long', () => {
    fc.assert(
      fc.property(fc.array(actor, { maxLength: 2_000, size: 'max' }), (decisions) => {
        expect([...decisionsOf(bytesOf(decisions))]).toEqual(decisions);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  test('chunks that are taken in between follow each other', () => {
    fc.assert(
      fc.property(fc.array(fc.array(actor)), (chunks) => {
        const writer = new ScheduleWriter();
        const read = chunks.flatMap((chunk) => {
          for (const one of chunk) writer.push(one);
          return [...decisionsOf(writer.take())];
        });
        expect(read).toEqual(chunks.flat());
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  test.each([[[0x80]], [[3]], [[3, 0x80]], [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]]])(
    'bytes that end in the middle are refused: %j',
    (bytes) => {
      expect(() => [...decisionsOf(Uint8Array.from(bytes))]).toThrow(InputError);
    },
  );
});

describe('as a string', () => {
  test('begins with its version and can be pasted anywhere', () => {
    expect(formatSchedule(bytesOf([3, 3, 3, 5]))).toBe('s1.AwMFAQ');
    expect([...decisionsOf(parseSchedule('s1.AwMFAQ'))]).toEqual([3, 3, 3, 5]);
  });

  test('what is formatted is parsed again', () => {
    fc.assert(
      fc.property(fc.array(actor), (decisions) => {
        const text = formatSchedule(bytesOf(decisions));
        expect(text).toMatch(/^s1\.[\w-]*$/);
        expect([...decisionsOf(parseSchedule(text))]).toEqual(decisions);
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  test.each(['', 'AwMFAQ', 's2.AwMFAQ', 's1.Aw MF', 's1.AwMF+Q', 's1.gA'])('%j is refused', (text) => {
    expect(() => parseSchedule(text)).toThrow(InputError);
  });
});

describe('followed', () => {
  const candidates = [2, 4, 7].map((id) => ({ id, readyAt: 0, pending: note('') }));

  test('picks whom it names', () => {
    const strategy = scripted([7, 2, 4][Symbol.iterator](), false);
    expect([0, 1, 2].map(() => strategy.pick(candidates, 3))).toEqual([2, 0, 1]);
  });

  test('stops at an actor that cannot move, and at its end', () => {
    const strategy = scripted([7][Symbol.iterator](), false);
    // Only the first two can move.
    expect(() => strategy.pick(candidates, 2)).toThrow(new ScheduleMismatch(7));
    expect(() => strategy.pick(candidates, 2)).toThrow('it ends too early');
  });
});
