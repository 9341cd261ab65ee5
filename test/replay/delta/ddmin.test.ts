import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ddmin } from '../../../replay/delta/ddmin.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Fails when it has all of these; evaluates to the list, as nothing can be left out of it by itself. */
const needing =
  (...needed: readonly number[]) =>
  (list: readonly number[]): readonly number[] | undefined =>
    needed.every((one) => list.includes(one)) ? list : undefined;

describe('ddmin', () => {
  test('finds the items that matter', () => {
    expect(ddmin(numbers(8), needing(1, 6, 7))).toEqual([1, 6, 7]);
    expect(ddmin(numbers(1_000), needing(567))).toEqual([567]);
    expect(ddmin(numbers(5), needing(0, 1, 2, 3, 4))).toEqual(numbers(5));
  });

  test('ends with nothing when nothing is needed', () => {
    expect(ddmin(numbers(8), needing())).toEqual([]);
  });

  test('one that matters of a thousand takes about two tests a halving', () => {
    let tests = 0;
    ddmin(numbers(1_024), (list) => {
      tests += 1;
      return needing(1_000)(list);
    });
    expect(tests).toBeLessThanOrEqual(1 + 2 * 10);
  });

  test('takes what an attempt needed, when that is less than it was given', () => {
    const seen: number[] = [];
    const found = ddmin(numbers(100), (list) => {
      seen.push(list.length);
      return list.includes(3) && list.includes(90) ? [3, 90] : undefined;
    });
    expect(found).toEqual([3, 90]);
    expect(Math.max(...seen)).toBeLessThanOrEqual(75);
  });

  test('is 1-minimal, whatever fails', () => {
    // Lists that fail: by any rule that says no more than yes or no.
    const rule = fc.func(fc.boolean());
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), rule, (count, fails) => {
        const attempt = (list: readonly number[]): readonly number[] | undefined =>
          list.length === count || fails(list.join()) ? list : undefined;
        const found = ddmin(numbers(count), attempt);
        expect(attempt(found)).toBeDefined();
        for (const one of found) {
          const rest = found.filter((other) => other !== one);
          if (found.length > 1 || fails('')) expect(attempt(rest)).toBeUndefined();
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
