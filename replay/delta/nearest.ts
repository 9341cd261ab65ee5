import { InputError } from '../../core/errors.ts';
import { orderWish, priorityWishes, randomWishes, switchesWish } from '../../scheduler/wishes.ts';
import { distance, type Neighbours } from './isolate.ts';
import { Shrinking } from './shrinking.ts';
import type { Trial, Trials } from './trials.ts';

/** Schedules at random to look for one that passes, and as many with priorities at random. */
const attempts = 64;
/** As soon as so many have passed, the nearest of them is taken. */
const enough = 4;

/**
 * A passing run near a failing one. The failing run is made small; without one of the switches that are left it passes.
 * Where it fails without any, the nearest of a few passing runs is taken, at random or with priorities.
 * @throws {InputError} when none passes
 */
export function nearestPassing(trials: Trials, failing: Trial, tests: number): Neighbours {
  const shrinking = new Shrinking(trials, failing, tests);
  shrinking.schedule();
  const small = shrinking.smallest;
  const whole = trials.run(switchesWish(small.switches), { whole: true });
  for (const one of small.switches.toReversed()) {
    const without = trials.run(switchesWish(small.switches.filter((other) => other !== one)), { whole: true });
    if (without.verdict === 'pass') return { passing: without, failing: whole };
  }
  const passing: Trial[] = [];
  const { seed } = trials.spec;
  for (const wish of [...priorityWishes(seed, attempts), ...randomWishes(seed, attempts)]) {
    const trial = trials.run(wish, { whole: true });
    if (trial.verdict === 'pass') passing.push(trial);
    if (passing.length === enough) break;
  }
  const [nearest] = passing.toSorted((a, b) => distance(a, failing) - distance(b, failing));
  if (nearest !== undefined)
    return { passing: nearest, failing: trials.run(orderWish(failing.order), { whole: true }) };
  throw new InputError(
    `no schedule that passes was found in ${trials.used} tests: it may fail always; give a session that passed`,
  );
}
