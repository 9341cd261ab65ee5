import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pastOf } from '../../../replay/delta/past.ts';
import { ordersWithFewSwitches, switchesIn } from '../../../replay/delta/reorder.ts';

/** `on` from a list of pairs: the second step depends on the first. */
const dependencies = (count: number, pairs: readonly (readonly [number, number])[]): Set<number>[] => {
  const on = Array.from({ length: count }, () => new Set<number>());
  for (const [earlier, later] of pairs) on[later]!.add(earlier);
  return on;
};

test('steps that do not depend on each other are put together by actor', () => {
  const actors = [1, 2, 1, 2, 1, 2];
  expect(switchesIn(ordersWithFewSwitches(actors, dependencies(6, []))[0]!, actors)).toBe(1);
});

test('a dependency there and back keeps two switches', () => {
  const actors = [1, 2, 1, 2, 1, 2];
  // Actor 2 needs the first step of actor 1, whose last one needs the second of actor 2.
  const [order] = ordersWithFewSwitches(
    actors,
    dependencies(6, [
      [0, 2],
      [2, 4],
      [1, 3],
      [3, 5],
      [0, 1],
      [3, 4],
    ]),
  );
  expect(switchesIn(order!, actors)).toBe(2);
  expect(order!.indexOf(0)).toBeLessThan(order!.indexOf(1));
  expect(order!.indexOf(3)).toBeLessThan(order!.indexOf(4));
});

test('every dependency is kept, and nothing is lost', () => {
  const runs = fc
    .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 30 })
    .chain((actors) =>
      fc.tuple(fc.constant(actors), fc.array(fc.tuple(fc.nat(actors.length - 1), fc.nat(actors.length - 1)))),
    );
  fc.assert(
    fc.property(runs, ([actors, pairs]) => {
      const forward = pairs.filter(([earlier, later]) => earlier < later);
      const ofPrograms = actors.flatMap((actor, step) => {
        const previous = actors.lastIndexOf(actor, step - 1);
        return step > 0 && previous !== -1 ? [[previous, step] as const] : [];
      });
      const on = dependencies(actors.length, [...forward, ...ofPrograms]);
      for (const order of ordersWithFewSwitches(actors, on)) {
        expect(order.toSorted((a, b) => a - b)).toEqual(actors.map((_, step) => step));
        const place = new Map(order.map((step, index) => [step, index]));
        on.forEach((earlier, step) => {
          for (const one of earlier) expect(place.get(one)!).toBeLessThan(place.get(step)!);
        });
      }
    }),
    { seed: 4, numRuns: 200 },
  );
});

test('the past of a step is what it depends on, directly or through others', () => {
  const on = dependencies(6, [
    [0, 2],
    [2, 4],
    [1, 3],
  ]);
  expect(pastOf([4], on)).toEqual(new Set([0, 2, 4]));
  expect(pastOf([3, 5], on)).toEqual(new Set([1, 3, 5]));
});
