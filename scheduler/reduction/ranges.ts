/**
 * What a step touches, as four numbers for each range: key of the resource, how, byte bounds (`to` exclusive).
 * How: 1 for a write, plus 2 when what the event touches, or whether there is such an event, may depend on the order
 * of what conflicts with it.
 */
export type Ranges = readonly number[];

export const write = 1;
export const unsteady = 2;

/** Of two steps' conflicts: there is none; only steady ones; at least one that is not. */
export const conflict = { none: 0, steady: 1, unsteady: 2 } as const;

/** Whether the order of two steps matters, and whether it may matter to what they touch. */
export function conflictOf(a: Ranges, b: Ranges): number {
  let found: number = conflict.none;
  for (let i = 0; i < a.length; i += 4) {
    const key = a[i]!;
    for (let j = 0; j < b.length; j += 4) {
      if (key !== b[j]!) continue;
      const how = a[i + 1]! | b[j + 1]!;
      if ((how & write) === 0 || a[i + 2]! >= b[j + 3]! || b[j + 2]! >= a[i + 3]!) continue;
      if ((how & unsteady) !== 0) return conflict.unsteady;
      found = conflict.steady;
    }
  }
  return found;
}
