/** What a steered run can be asked for. */
import { stream } from './random.ts';
import { ScheduleMismatch } from './scripted.ts';
import { memberOf, stepOf, type Switch, type Wish } from './steering.ts';

/** The decisions of a recorded run, exactly. @throws {ScheduleMismatch} when they cannot be followed */
export function decisionsWish(decisions: Iterator<number>): Wish {
  return {
    choose(candidates, count) {
      const { done, value } = decisions.next();
      if (done === true) throw new ScheduleMismatch(undefined);
      for (let i = 0; i < count; i += 1) if (candidates[i]!.id === value) return i;
      throw new ScheduleMismatch(value);
    },
  };
}

/**
 * An order of steps: of those who can move, the one whose next step comes first in it. So a step that is not possible
 * yet is made as soon as it is, and an order that a run had is followed exactly.
 */
export function orderWish(order: readonly number[]): Wish {
  /** By member: the places of its steps. */
  const places: number[][] = [];
  order.forEach((step, place) => (places[memberOf(step)] ??= []).push(place));
  return {
    choose(candidates, count, steering) {
      let best = -1;
      let earliest = Infinity;
      for (let i = 0; i < count; i += 1) {
        const member = steering.memberOf(candidates[i]!.id);
        const place = places[member]?.[steering.stepsOf(member)] ?? Infinity;
        if (place >= earliest) continue;
        earliest = place;
        best = i;
      }
      return best;
    },
  };
}

/** Departures from the default schedule; one to an actor that cannot move is left out. */
export function switchesWish(switches: readonly Switch[]): Wish {
  const targets = new Map(switches.map(({ from, steps, to }) => [stepOf(from, steps), to]));
  return {
    choose(candidates, count, steering) {
      const from = steering.lastMember;
      const to = targets.get(stepOf(from, steering.stepsOf(from)));
      if (to === undefined) return -1;
      for (let i = 0; i < count; i += 1) if (steering.memberOf(candidates[i]!.id) === to) return i;
      return -1;
    },
  };
}

/** A few schedules in which some move before others whenever they can, at random: with few switches, and far apart. */
export function* priorityWishes(seed: string, count = 8): Generator<Wish, void, undefined> {
  for (let i = 1; i <= count; i += 1) {
    const draw = stream(`${seed}/priorities/${i}`, 'schedule');
    /** By member. */
    const priorities: number[] = [];
    yield {
      choose(candidates, able, steering) {
        let best = 0;
        let highest = -1;
        for (let each = 0; each < able; each += 1) {
          const priority = (priorities[steering.memberOf(candidates[each]!.id)] ??= draw());
          if (priority <= highest) continue;
          highest = priority;
          best = each;
        }
        return best;
      },
    };
  }
}

/** A few schedules at random, always the same for the same seed. */
export function* randomWishes(seed: string, count = 8): Generator<Wish, void, undefined> {
  for (let i = 1; i <= count; i += 1) {
    const draw = stream(`${seed}/${i}`, 'schedule');
    yield { choose: (_candidates, able) => Math.floor(draw() * able) };
  }
}
