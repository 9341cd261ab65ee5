import type { StrategyFactory } from '../strategy.ts';

/** Each in turn: the next actor, by number, after the one that moved last. Draws nothing: every seed is the same run. */
export const roundRobin: StrategyFactory = () => {
  let last = -1;
  return {
    timed: false,
    pick(candidates, count) {
      let index = 0;
      for (let i = 0; i < count; i += 1) {
        if (candidates[i]!.id > last) {
          index = i;
          break;
        }
      }
      return index;
    },
    moved(actor) {
      last = actor;
    },
  };
};
