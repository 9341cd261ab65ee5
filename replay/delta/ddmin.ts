import { split } from './split.ts';

/** Tries a list: evaluates to what of it was needed to fail, or to nothing when it does not fail. */
export type Attempt<T> = (list: readonly T[]) => readonly T[] | undefined;

/**
 * The minimising delta debugging algorithm `ddmin` (Zeller and Hildebrandt, "Simplifying and Isolating
 * Failure-Inducing Input", IEEE TSE 28(2), 2002, figure 4). `all` fails. The result fails, and is 1-minimal: without
 * any one of its items it does not fail; unless `spent` ended the search.
 */
export function ddmin<T>(all: readonly T[], attempt: Attempt<T>, spent: () => boolean = () => false): readonly T[] {
  if (spent()) return all;
  let list = attempt([]) ?? all;
  let parts = 2;
  while (list.length >= 2 && !spent()) {
    const smaller = reduce(list, parts, attempt, spent);
    if (smaller !== undefined) {
      ({ list, parts } = smaller);
    } else if (parts < list.length) {
      parts = Math.min(list.length, 2 * parts);
    } else break;
  }
  return list;
}

/** The first piece, or list without a piece, that still fails. */
function reduce<T>(
  list: readonly T[],
  parts: number,
  attempt: Attempt<T>,
  spent: () => boolean,
): { readonly list: readonly T[]; readonly parts: number } | undefined {
  const pieces = split(list, parts);
  for (const piece of pieces) {
    if (spent()) return undefined;
    const kept = attempt(piece);
    if (kept !== undefined) return { list: kept, parts: 2 };
  }
  // Of two pieces, one is the list without the other.
  if (pieces.length === 2) return undefined;
  for (const index of pieces.keys()) {
    if (spent()) return undefined;
    const kept = attempt(pieces.flatMap((piece, i) => (i === index ? [] : piece)));
    if (kept !== undefined) return { list: kept, parts: Math.min(kept.length, Math.max(parts - 1, 2)) };
  }
  return undefined;
}
