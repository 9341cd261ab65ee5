/** The steps that a few steps depend on, directly or through others, and these themselves; `on` says which each depends on. */
export function pastOf(steps: Iterable<number>, on: readonly ReadonlySet<number>[]): Set<number> {
  const past = new Set(steps);
  // A set is iterated in the order of insertion, what is added on the way included.
  for (const step of past) for (const earlier of on[step] ?? []) past.add(earlier);
  return past;
}
