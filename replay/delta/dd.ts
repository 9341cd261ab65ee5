import { split } from './split.ts';
import type { Verdict } from './verdict.ts';

/** Two sets of deltas, as close as they could be brought: one passes, the other, with `difference` added, fails. */
export interface Isolated {
  readonly passing: readonly number[];
  readonly difference: readonly number[];
}

/**
 * The general delta debugging algorithm `dd` (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
 * Input", IEEE TSE 28(2), 2002, figure 6). Deltas are numbers from 0 to `count` - 1; none of them passes, all of them
 * fail, and what is neither is unresolved. Each test that resolves makes the difference smaller at once, so without
 * unresolved ones there are at most log2 of `count` tests, rounded up. The difference is 1-minimal, unless `spent`
 * ended the search.
 */
export function dd(
  count: number,
  test: (deltas: readonly number[]) => Verdict,
  spent: () => boolean = () => false,
): Isolated {
  let passing: readonly number[] = [];
  let difference: readonly number[] = Array.from({ length: count }, (_, delta) => delta);
  let parts = 2;
  while (difference.length >= 2 && !spent()) {
    const closer = approach(passing, difference, parts, test, spent);
    if (closer !== undefined) {
      ({ passing, difference, parts } = closer);
    } else if (parts < difference.length) {
      parts = Math.min(difference.length, 2 * parts);
    } else break;
  }
  return { passing, difference };
}

function approach(
  passing: readonly number[],
  difference: readonly number[],
  parts: number,
  test: (deltas: readonly number[]) => Verdict,
  spent: () => boolean,
): (Isolated & { readonly parts: number }) | undefined {
  for (const piece of split(difference, parts)) {
    if (spent()) return undefined;
    const more = union(passing, piece);
    const rest = without(difference, piece);
    const fewer = Math.max(2, Math.min(rest.length, parts - 1));
    const added = test(more);
    if (added === 'fail') return { passing, difference: piece, parts: 2 };
    if (added === 'pass') return { passing: more, difference: rest, parts: fewer };
    const others = union(passing, rest);
    const taken = test(others);
    if (taken === 'pass') return { passing: others, difference: piece, parts: 2 };
    if (taken === 'fail') return { passing, difference: rest, parts: fewer };
  }
  return undefined;
}

/** Two sorted lists without common items as one. */
export function union(a: readonly number[], b: readonly number[]): number[] {
  const all: number[] = [];
  let next = 0;
  for (const item of a) {
    while (next < b.length && b[next]! < item) all.push(b[next++]!);
    all.push(item);
  }
  while (next < b.length) all.push(b[next++]!);
  return all;
}

/** A sorted list without the items of another, which are all in it. */
function without(list: readonly number[], part: readonly number[]): number[] {
  let next = 0;
  return list.filter((item) => {
    if (part[next] !== item) return true;
    next += 1;
    return false;
  });
}
