/** Which of the actors that could go on, does: they are given by number, with the first step that each has left. */
type Preference = (
  able: readonly { readonly actor: number; readonly step: number }[],
  run: (step: number) => number,
) => number;

/**
 * Orders of the same steps with few context switches that keep every dependence, so each is the same trace; the one
 * with the fewest comes first. To find the very fewest is hard (it is scheduling with set-up times), so these come from
 * a few ways to choose who goes on. `actors` says whose each step is, `on` which earlier ones it depends on. An order
 * is a list of step numbers.
 */
export function ordersWithFewSwitches(actors: readonly number[], on: readonly ReadonlySet<number>[]): number[][] {
  const preferences: Preference[] = [
    (able) => least(able, ({ step }) => step),
    (able, run) => least(able, ({ step }) => -run(step)),
    (able, run) => least(able, ({ step }) => run(step)),
  ];
  return preferences
    .map((prefer) => arrange(actors, on, prefer))
    .toSorted((a, b) => switchesIn(a, actors) - switchesIn(b, actors));
}

/** How often the actor changes from one step to the next. */
export function switchesIn(order: readonly number[], actors: readonly number[]): number {
  return order.reduce((count, step, i) => (i > 0 && actors[step] !== actors[order[i - 1]!] ? count + 1 : count), 0);
}

/** Everybody goes on as long as what comes next depends on nothing that is left to do; then the preferred one takes over. */
function arrange(actors: readonly number[], on: readonly ReadonlySet<number>[], prefer: Preference): number[] {
  const left = new Map<number, number[]>();
  actors.forEach((actor, step) => {
    const steps = left.get(actor);
    if (steps === undefined) left.set(actor, [step]);
    else steps.push(step);
  });
  const places = [...left.keys()].map((actor) => ({ actor, steps: left.get(actor)!, next: 0 }));
  const done = new Uint8Array(actors.length);
  const free = (step: number): boolean => {
    for (const earlier of on[step] ?? []) if (done[earlier] === 0) return false;
    return true;
  };
  /** How many steps the owner of that one could make from there. */
  const run = (step: number): number => {
    const { steps, next } = places.find(({ actor }) => actor === actors[step])!;
    let length = 0;
    while (next + length < steps.length && free(steps[next + length]!)) {
      done[steps[next + length]!] = 1;
      length += 1;
    }
    for (let i = 0; i < length; i += 1) done[steps[next + i]!] = 0;
    return length;
  };
  const order: number[] = [];
  while (order.length < actors.length) {
    const able = places.filter(({ steps, next }) => next < steps.length && free(steps[next]!));
    const chosen =
      able[
        prefer(
          able.map(({ actor, steps, next }) => ({ actor, step: steps[next]! })),
          run,
        )
      ]!;
    for (; chosen.next < chosen.steps.length && free(chosen.steps[chosen.next]!); chosen.next += 1) {
      const step = chosen.steps[chosen.next]!;
      done[step] = 1;
      order.push(step);
    }
  }
  return order;
}

/** The index of the item with the least value, the first of several. */
function least<T>(items: readonly T[], value: (item: T) => number): number {
  let best = 0;
  for (let i = 1; i < items.length; i += 1) if (value(items[i]!) < value(items[best]!)) best = i;
  return best;
}
