import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindNames, type AnyEvent, type KindName } from '../../index.ts';
import { kindNumbers } from '../../core/events.ts';
import { decode, encoders, integerColumns, layouts } from '../../store/codec.ts';
import { DigestWriter } from '../../store/writer.ts';
import { anyEvent, eventOf, fieldsOf, valueOf } from '../support-cli/events.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const numberOf = (kind: KindName): number => kindNumbers.get(kind)!;

/** An event through its row: numbers, nulls behind them, and the blob. */
function throughRow(event: AnyEvent): AnyEvent {
  const number = numberOf(event.kind);
  const numbers = new Float64Array(10).fill(-1);
  const blob = encoders[number]!(event, numbers, 2);
  const used = layouts[number]!.integers.length;
  // Nothing is written beside its place.
  expect([...numbers.subarray(0, 2), ...numbers.subarray(2 + used)].every((value) => value === -1)).toBe(true);
  return decode(
    number,
    integerColumns.map((_, i) => (i < used ? numbers[2 + i]! : null)),
    blob,
  );
}

function digestOf(...steps: { event: AnyEvent; actor?: number; tick?: number }[]): string {
  const writer = new DigestWriter();
  for (const { event, actor = 1, tick = 0 } of steps) writer.add(event, numberOf(event.kind), actor, tick);
  return writer.digestValue();
}

const steady = { numRuns: 30 };

describe.each(kindNames)('%s', (kind) => {
  test('comes back from a row as it was', () => {
    const property = fc.property(eventOf(kind), (event) => {
      expect(throughRow(event)).toStrictEqual(event);
    });
    fc.assert(property, steady);
  });

  test('another value of any field is another digest', () => {
    for (const [name, type] of fieldsOf(kind)) {
      const property = fc.property(eventOf(kind), valueOf(type), (event, value) => {
        const other = { ...event, [name]: value } as AnyEvent;
        const same = isDeepStrictEqual(event, other);
        expect(digestOf({ event: other }) === digestOf({ event }), name).toBe(same);
      });
      fc.assert(property, steady);
    }
  });
});

describe('the digest', () => {
  test('covers who did it, when, how often and in which order', () => {
    fc.assert(
      fc.property(anyEvent, anyEvent, (event, other) => {
        const digest = digestOf({ event });
        expect(digestOf({ event })).toBe(digest);
        expect(digestOf({ event, actor: 2 })).not.toBe(digest);
        expect(digestOf({ event, tick: 1 })).not.toBe(digest);
        expect(digestOf({ event }, { event })).not.toBe(digest);
        expect(digestOf({ event: other }, { event }) === digestOf({ event }, { event: other })).toBe(
          isDeepStrictEqual(event, other),
        );
      }),
    );
  });

  test('covers the kind: events of different kinds with the same numbers differ', () => {
    const lock: AnyEvent = { kind: 'mutex.lock', mutex: 7 };
    const unlock: AnyEvent = { kind: 'mutex.unlock', mutex: 7 };
    expect(digestOf({ event: lock })).not.toBe(digestOf({ event: unlock }));
  });

  test('is not confused about where one text ends and the next event begins', () => {
    const note = (text: string): { event: AnyEvent } => ({ event: { kind: 'note', text } });
    const number = String.fromCharCode(numberOf('note'));
    expect(digestOf(note(`a${number}\u0001\u0000\u0001b`))).not.toBe(digestOf(note('a'), note('b')));
  });

  test('does not depend on how the events are batched', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), fc.nat(20), (events, at) => {
        const writer = new DigestWriter();
        for (const [i, event] of events.entries()) {
          if (i === at) writer.commit(0, 0, new Uint8Array(0));
          writer.add(event, numberOf(event.kind), 1, 0);
        }
        expect(writer.digestValue()).toBe(digestOf(...events.map((event) => ({ event }))));
      }),
    );
  });

  test('of no events is that of no bytes', () => {
    expect(digestOf()).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  test('is SHA-256 over LEB128 numbers and counted bytes, as documented', () => {
    // note "hi" by actor 300 at tick 5: kind, actor, ticks, length, bytes.
    const event: AnyEvent = { kind: 'note', text: 'hi' };
    expect(numberOf('note')).toBeLessThan(128);
    const bytes = new Uint8Array([numberOf('note'), 0xac, 0x02, 5, 2, 0x68, 0x69]);
    expect(digestOf({ event, actor: 300, tick: 5 })).toBe(sha256(bytes));
  });
});

test('every kind fits a row: at most six numbers and one blob', () => {
  for (const { integers } of layouts) expect(integers.length).toBeLessThanOrEqual(integerColumns.length);
  expect(layouts.map(({ kind }) => kind)).toEqual(kindNames);
});

test('a row of a kind that there is not cannot be decoded', () => {
  expect(() => decode(kindNames.length, [null, null, null, null, null, null], null)).toThrow(
    `there is no event kind ${kindNames.length}`,
  );
});
