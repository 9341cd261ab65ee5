import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Way } from '../../../replay/delta/way.ts';

const order = (letters: string): number[] => letters.split('').map((letter) => letter.charCodeAt(0));
const text = (list: readonly number[]): string => String.fromCharCode(...list);
const movesOf = (way: Way): number[] => Array.from({ length: way.length }, (_, move) => way.step(move));
const moves = (base: string, target: string): string => text(movesOf(new Way(order(base), order(target))));
/** The mix with the moves of those steps. */
const mixed = (base: string, target: string, made: string): string => {
  const way = new Way(order(base), order(target));
  const all = text(movesOf(way));
  return text(
    way.mix(
      made
        .split('')
        .map((letter) => all.indexOf(letter))
        .filter((move) => move !== -1),
    ),
  );
};

describe('moves from one order to another', () => {
  test('are none between equal orders', () => {
    expect(moves('abcd', 'abcd')).toBe('');
  });

  test('are the steps that come forward, in the order of the target', () => {
    expect(moves('abcd', 'cabd')).toBe('c');
    expect(moves('bacd', 'abcd')).toBe('a');
    expect(moves('dabc', 'abcd')).toBe('abc');
  });
});

describe('a mix', () => {
  test('makes the moves asked for and leaves the rest as in the base', () => {
    expect(mixed('abcd', 'dcba', '')).toBe('abcd');
    expect(mixed('abcd', 'dcba', 'd')).toBe('dabc');
    expect(mixed('abcd', 'dcba', 'c')).toBe('cabd');
  });

  test('begins as the target and goes on as the base', () => {
    expect(mixed('xyzab', 'abxyz', 'a')).toBe('axyzb');
    expect(mixed('xyzab', 'abxyz', 'b')).toBe('bxyza');
    expect(mixed('xyzab', 'abxyz', 'ab')).toBe('abxyz');
  });

  test('with no moves is the base, with all of them the target, and always the same steps', () => {
    const orders = fc
      .integer({ min: 1, max: 12 })
      .map((count) => Array.from({ length: count }, (_, i) => i))
      .chain((steps) => {
        const shuffled = fc.shuffledSubarray(steps, { minLength: steps.length });
        return fc.tuple(shuffled, shuffled, fc.infiniteStream(fc.boolean()));
      });
    fc.assert(
      fc.property(orders, ([base, target, coins]) => {
        const way = new Way(base, target);
        const all = [...Array(way.length).keys()];
        expect(way.mix([])).toEqual(base);
        expect(way.mix(all)).toEqual(target);
        const some = all.filter(() => coins.next().value);
        expect(way.mix(some).toSorted((a, b) => a - b)).toEqual(base.toSorted((a, b) => a - b));
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});
