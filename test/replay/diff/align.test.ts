import fc from 'fast-check';
import { expect, test } from 'vitest';
import { align, gapsOf, pairGap, type Run, type Tokens } from '../../../replay/diff/align.ts';

const rowOf = (tokens: readonly number[]): Tokens => ({ length: tokens.length, get: (index) => tokens[index]! });

/** Length of the longest common subsequence, by the textbook. */
function longest(a: readonly number[], b: readonly number[]): number {
  let above = new Array<number>(b.length + 1).fill(0);
  for (const x of a) {
    const row = [0];
    b.forEach((y, j) => row.push(x === y ? above[j]! + 1 : Math.max(row[j]!, above[j + 1]!)));
    above = row;
  }
  return above.at(-1)!;
}

const total = (runs: readonly Run[]): number => runs.reduce((sum, { length }) => sum + length, 0);

test('an alignment matches equal operations in order, and as many as there can be', () => {
  const row = fc.array(fc.nat({ max: 4 }), { maxLength: 40 });
  fc.assert(
    fc.property(row, row, (a, b) => {
      const runs = align(rowOf(a), rowOf(b));
      let [i, j] = [0, 0];
      for (const run of runs) {
        expect(run.a >= i && run.b >= j).toBe(true);
        for (let at = 0; at < run.length; at += 1) expect(a[run.a + at]).toBe(b[run.b + at]);
        [i, j] = [run.a + run.length, run.b + run.length];
      }
      expect(total(runs)).toBe(longest(a, b));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('what is put in anywhere in a long row is found, and no more', () => {
  const long = Array.from({ length: 50_000 }, (_, i) => (i * 7919) % 1009);
  const longer = [
    ...long.slice(0, 10),
    ...Array.from({ length: 600 }, () => 5_000),
    ...long.slice(10, 40_000),
    5_001,
    ...long.slice(40_000),
  ];
  const runs = align(rowOf(long), rowOf(longer));
  expect(runs).toEqual([
    { a: 0, b: 0, length: 10 },
    { a: 10, b: 610, length: 39_990 },
    { a: 40_000, b: 40_601, length: 10_000 },
  ]);
  expect(gapsOf(runs, long.length, longer.length)).toEqual([
    { a: 10, b: 10, lengthA: 0, lengthB: 600 },
    { a: 40_000, b: 40_600, lengthA: 0, lengthB: 1 },
  ]);
});

test('rows that have nothing in common are gone through in a moment', () => {
  const one = Array.from({ length: 20_000 }, () => 1);
  const other = Array.from({ length: 20_000 }, () => 2);
  expect(align(rowOf(one), rowOf(other))).toEqual([]);
});

test('in a gap, operations of one kind are paired in order', () => {
  const kind = (number: number, rest: number): number => rest * 512 + number;
  const a = [kind(1, 0), kind(2, 0), kind(3, 0)];
  const b = [kind(1, 9), kind(4, 9), kind(3, 9), kind(2, 9)];
  expect(pairGap(rowOf(a), rowOf(b), { a: 0, b: 0, lengthA: 3, lengthB: 4 })).toEqual([
    { a: 0, b: 0, length: 1 },
    { a: 1, b: 3, length: 1 },
  ]);
});
