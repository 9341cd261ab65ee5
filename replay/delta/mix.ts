/**
 * Mixing two orders of the same steps. A step is a number; an order is a list of different ones.
 *
 * The way from one order to another is a series of moves, in the order of the target: each step in turn moves forward,
 * to just before the first step that must come after it. With the first moves made, the mix begins as the target and
 * goes on as the base; so binary search finds the place where they part company.
 */

/** The steps that must move forward to get from `base` to `target`, in the order of the target: the deltas between the two. */
export function movesBetween(base: readonly number[], target: readonly number[]): number[] {
  const places = placesOf(target);
  const moved = new Set<number>();
  let furthest = -1;
  // A step moves when something that comes after it in the target comes before it in the base.
  for (const step of base) {
    const place = places.get(step)!;
    if (place < furthest) moved.add(step);
    else furthest = place;
  }
  return target.filter((step) => moved.has(step));
}

/** The base order with those moves made, which must be in the order of the target. */
export function mix(base: readonly number[], target: readonly number[], moves: readonly number[]): number[] {
  const places = placesOf(target);
  const mixed: number[] = [];
  const placed = new Set<number>();
  let next = 0;
  for (const step of base) {
    if (placed.has(step)) continue;
    const place = places.get(step)!;
    // What moves to before this step: everything of the moves that the target has before it.
    for (; next < moves.length && places.get(moves[next]!)! <= place; next += 1) {
      const move = moves[next]!;
      if (placed.has(move)) continue;
      placed.add(move);
      mixed.push(move);
    }
    if (placed.has(step)) continue;
    placed.add(step);
    mixed.push(step);
  }
  return mixed;
}

function placesOf(order: readonly number[]): Map<number, number> {
  return new Map(order.map((step, place) => [step, place]));
}
