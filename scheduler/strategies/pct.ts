import type { StrategyFactory } from '../strategy.ts';

/** How many decisions a run is taken to have when no other run has shown it. */
const usualDecisions = 1_000;
/** Changes of priority, plus one: how many orderings a bug may need to show. */
export const defaultDepth = 3;

/**
 * Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with
 * Probabilistic Guarantees of Finding Bugs", 2010). Every actor has a priority, drawn when it is first seen; the highest
 * moves. At `depth - 1` decisions, drawn beforehand, whoever was about to move falls below all others. A bug that needs `depth`
 * orderings among n actors and k decisions shows with a probability of at least 1 / (n k^(depth-1)).
 */
export function pctOf(depth: number): StrategyFactory {
  return (draw, rehearsal) => {
    const decisions = Math.max(rehearsal?.decisions ?? usualDecisions, 1);
    /** Priorities above 1; the fallen have `i / depth`, the later drawn the higher, as in the paper. */
    const priorities: number[] = [];
    const changes = new Map<number, number>();
    for (let i = 1; i < depth; i += 1) changes.set(Math.floor(draw() * decisions), i);
    let decision = 0;
    return {
      timed: false,
      pick(candidates, count) {
        const highest = (): number => {
          let best = 0;
          for (let i = 1; i < count; i += 1) {
            if (priorities[candidates[i]!.id]! > priorities[candidates[best]!.id]!) best = i;
          }
          return best;
        };
        for (let i = 0; i < count; i += 1) priorities[candidates[i]!.id] ??= 1 + draw();
        const change = changes.get(decision);
        decision += 1;
        if (change !== undefined) priorities[candidates[highest()]!.id] = change / depth;
        return highest();
      },
    };
  };
}

/** {@link pctOf} with the usual depth. */
export const pct: StrategyFactory = pctOf(defaultDepth);
