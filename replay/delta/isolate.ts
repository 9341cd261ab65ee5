/**
 * From a passing and a failing run to two runs as close as they can be brought, of which one still passes and the other
 * still fails (Choi and Zeller, "Isolating Failure-Inducing Thread Schedules", ISSTA 2002). The deltas are steps that
 * move forward from one order to the other.
 */
import { orderWish } from '../../scheduler/wishes.ts';
import { dd, union } from './dd.ts';
import { keyOf } from './key.ts';
import type { Trial, Trials } from './trials.ts';
import type { Verdict } from './verdict.ts';
import { Way } from './way.ts';

/** Two steps that one of two runs makes in one order and the other in the other one; see `stepOf`. */
export interface Pair {
  /** Comes first in the failing run. */
  readonly first: number;
  /** Comes first in the passing run. */
  readonly second: number;
}

/** A passing and a failing run. */
export interface Neighbours {
  readonly passing: Trial;
  readonly failing: Trial;
}

/** Two runs that have been brought together, and the steps that change places between them. */
export interface Isolated extends Neighbours {
  readonly pairs: readonly Pair[];
}

/** Pairs that are looked for, where there are more. */
export const mostPairs = 16;

/**
 * Brings the runs together, until one pair of steps is left, nothing brings them closer, or `spent`. Where one step that
 * moves takes others with it, because they cannot be had as they are wished for, these may be what matters. So then the
 * runs are brought together once more through such only that are what is wished for.
 */
export function isolate(trials: Trials, far: Neighbours, spent: () => boolean): Isolated {
  const closest = together(trials, far, spent, () => true);
  if (spent() || distance(closest.passing, closest.failing) <= 1) return closest;
  const exact = together(trials, closest, spent, isAsWished);
  return exact.pairs.length === 1 ? exact : closest;
}

/** Whether a run counts that came of an order. */
type Counts = (tried: Tried) => boolean;

/** Whether the run makes the steps in the order, but for those that only one of the two has. */
const isAsWished: Counts = ({ order, trial }) => between(order, trial.order).length === 0;

function together(trials: Trials, far: Neighbours, spent: () => boolean, counts: Counts): Isolated {
  let closest: Isolated = { ...far, pairs: [] };
  let left = Infinity;
  for (;;) {
    const found = inTurns(trials, closest, spent, counts);
    const now = distance(found.passing, found.failing);
    if (now >= left) return closest;
    closest = found;
    left = now;
    if (left <= 1 || spent()) return closest;
  }
}

/** How many steps that two runs both make change places between them. */
export function distance({ order: a }: Trial, { order: b }: Trial): number {
  return Math.max(between(a, b).length, between(b, a).length);
}

/** The way between two orders as far as they are of the same steps. */
function between(a: readonly number[], b: readonly number[]): Way {
  const [ofA, ofB] = [new Set(a), new Set(b)];
  return new Way(
    a.filter((step) => ofB.has(step)),
    b.filter((step) => ofA.has(step)),
  );
}

/** Steps of the passing run's order move as in the failing one, then the other way round. */
function inTurns(trials: Trials, { passing, failing }: Neighbours, spent: () => boolean, counts: Counts): Isolated {
  const [good, bad] = sameSteps(passing.order, failing.order);
  const there = approach(trials, { order: good, trial: passing }, { order: bad, trial: failing }, spent, counts);
  const { base, target } = approach(trials, there.target, there.base, spent, counts);
  return { passing: target.trial, failing: base.trial, pairs: pairsBetween(target.order, base.order) };
}

/** The first pairs of steps that change places between two orders. */
function pairsBetween(passing: readonly number[], failing: readonly number[]): Pair[] {
  const places = new Map(passing.map((step, place) => [step, place]));
  const way = new Way(passing, failing);
  const pairs: Pair[] = [];
  for (let move = 0; move < way.length; move += 1) {
    const first = way.step(move);
    for (let place = failing.indexOf(first) + 1; place < failing.length; place += 1) {
      const second = failing[place]!;
      if (places.get(second)! > places.get(first)!) continue;
      pairs.push({ first, second });
      if (pairs.length === mostPairs) return pairs;
    }
  }
  return pairs;
}

/** Both orders over the steps of both: what a run does not make comes at the end. */
function sameSteps(a: readonly number[], b: readonly number[]): [number[], number[]] {
  const [ofA, ofB] = [new Set(a), new Set(b)];
  return [
    [...a, ...b.filter((step) => !ofA.has(step))],
    [...b, ...a.filter((step) => !ofB.has(step))],
  ];
}

/** An order that was wished for, and what came of it. */
interface Tried {
  readonly order: readonly number[];
  readonly trial: Trial;
}

/** Finds the smallest set of moves from the base to the target that changes the verdict; evaluates to what is with and without it. */
function approach(
  trials: Trials,
  base: Tried,
  target: Tried,
  spent: () => boolean,
  counts: Counts,
): { base: Tried; target: Tried } {
  const way = new Way(base.order, target.order);
  const tried = new Map<string, Tried>();
  tried.set(keyOf([]), base);
  tried.set(keyOf([...Array(way.length).keys()]), target);
  const make = (moves: readonly number[]): Tried => {
    const key = keyOf(moves);
    let made = tried.get(key);
    if (made === undefined) {
      const order = way.mix(moves);
      made = { order, trial: trials.run(orderWish(order), { whole: true }) };
      tried.set(key, made);
    }
    return made;
  };
  // Whichever way round the runs are: to `dd` the base passes and the target fails.
  const test = (moves: readonly number[]): Verdict => {
    const made = make(moves);
    const { verdict } = made.trial;
    if (!counts(made)) return 'unresolved';
    if (verdict === base.trial.verdict) return 'pass';
    return verdict === target.trial.verdict ? 'fail' : 'unresolved';
  };
  const { passing, difference } = dd(way.length, test, spent);
  return { base: make(passing), target: make(union(passing, difference)) };
}
