import type { StrategyFactory } from '../strategy.ts';

/** Uniform over who can move. */
export const random: StrategyFactory = (draw) => ({
  timed: false,
  pick: (_candidates, count) => Math.floor(draw() * count),
});
