import type { StrategyFactory } from '../strategy.ts';

/** Who is due first; the seed breaks ties. Latencies and their jitter are drawn by the run's clock. */
export const timed: StrategyFactory = (draw) => ({
  timed: true,
  pick(candidates, count) {
    let best = 0;
    let ties = 1;
    for (let i = 1; i < count; i += 1) {
      const difference = candidates[i]!.readyAt - candidates[best]!.readyAt;
      if (difference < 0) {
        best = i;
        ties = 1;
      } else if (difference === 0) {
        ties += 1;
        if (draw() * ties < 1) best = i;
      }
    }
    return best;
  },
});
