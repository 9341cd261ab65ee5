import { kindsByNumber } from '../../core/events.ts';
import type { World } from '../../core/world.ts';
import { Footprint } from '../footprint.ts';
import type { StrategyFactory } from '../strategy.ts';

/**
 * Partial order sampling (Yuan, Yang, Gu, "Partial Order Aware Concurrency Sampling", 2018). Every pending operation has a
 * priority of its own, and the highest is performed. Operations that conflict with the one just performed draw again: so
 * the order of two that conflict depends on them alone, and every partial order has a fair chance, however many
 * interleavings it has. What a pending operation conflicts with is known as far as it tells its {@link Operation.intent}.
 */
export const pos: StrategyFactory = (draw) => {
  /** By actor, of its pending operation. */
  const priorities: (number | undefined)[] = [];
  const done = new Footprint();
  const intent = new Footprint();
  let world: World | undefined;
  return {
    timed: false,
    pick(candidates, count) {
      let best = 0;
      let highest = -1;
      for (let i = 0; i < count; i += 1) {
        const { id, pending } = candidates[i]!;
        let priority = priorities[id];
        if (priority !== undefined) {
          intent.clear();
          pending.intent(intent.touch, world!, id);
          if (intent.conflicts(done)) priority = undefined;
        }
        priority ??= draw();
        priorities[id] = priority;
        if (priority > highest) {
          highest = priority;
          best = i;
        }
      }
      return best;
    },
    moved(actor) {
      priorities[actor] = undefined;
      done.clear();
    },
    event(event, kind, actor, now) {
      world = now;
      kindsByNumber[kind]!.footprint(event, done.touch, now, actor);
    },
  };
};
