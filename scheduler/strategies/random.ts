import type { StrategyFactory } from '../strategy.ts';

/** Of so many times that the dice say a fault, it strikes once: else it would nearly always strike right at the start. */
const patience = 64;

/** Uniform over who can move, but for faults, which are rare. */
export const random: StrategyFactory = (draw) => ({
  timed: false,
  pick(candidates, count) {
    for (;;) {
      const index = Math.floor(draw() * count);
      if (candidates[index]!.pending.cost !== 'strike' || draw() * patience < 1) return index;
    }
  },
});
