import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dd } from '../../../replay/delta/dd.ts';
import type { Verdict } from '../../../replay/delta/verdict.ts';

type Judge = (deltas: readonly number[]) => Verdict;

/** Counts what a judge is asked. */
function counting(judge: Judge): { judge: Judge; asked: number } {
  const counted = {
    asked: 0,
    judge: (deltas: readonly number[]): Verdict => {
      counted.asked += 1;
      return judge(deltas);
    },
  };
  return counted;
}

describe('dd', () => {
  test('halves down to the delta that matters: log2 tests', () => {
    for (const culprit of [0, 1, 4_711, 99_999]) {
      const counted = counting((deltas) => (deltas.includes(culprit) ? 'fail' : 'pass'));
      expect(dd(100_000, counted.judge).difference).toEqual([culprit]);
      expect(counted.asked).toBeLessThanOrEqual(17);
    }
  });

  test('one delta alone needs no test', () => {
    expect(dd(1, () => 'unresolved')).toEqual({ passing: [], difference: [0] });
  });

  test('of two that fail only together, one is left, with the other in both', () => {
    const { passing, difference } = dd(16, (deltas) => (deltas.includes(3) && deltas.includes(12) ? 'fail' : 'pass'));
    expect(difference).toHaveLength(1);
    expect([...passing, ...difference]).toEqual(expect.arrayContaining([3, 12]));
  });

  test('two that resolve only together stay together', () => {
    const judge = (deltas: readonly number[]): Verdict => {
      const [a, b] = [deltas.includes(5), deltas.includes(6)];
      if (a !== b) return 'unresolved';
      return a ? 'fail' : 'pass';
    };
    expect(dd(8, judge).difference).toEqual([5, 6]);
  });

  test('the passing set passes, the failing one fails, and no single delta brings them closer', () => {
    const verdict = fc.constantFrom<Verdict>('pass', 'fail', 'unresolved');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.func(verdict), (count, verdictOf) => {
        const judge = (deltas: readonly number[]): Verdict => {
          if (deltas.length === 0) return 'pass';
          return deltas.length === count ? 'fail' : verdictOf(deltas.join());
        };
        const { passing, difference } = dd(count, judge);
        const failing = [...passing, ...difference].toSorted((a, b) => a - b);
        expect(judge(passing)).toBe('pass');
        expect(judge(failing)).toBe('fail');
        if (difference.length === 1) return;
        for (const delta of difference) {
          expect(judge([...passing, delta].toSorted((a, b) => a - b))).toBe('unresolved');
          expect(judge(failing.filter((other) => other !== delta))).toBe('unresolved');
        }
      }),
      { seed: 2, numRuns: 300 },
    );
  });
});
