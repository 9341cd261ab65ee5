/** How the next actor is picked. One strategy a file in `strategies/`; they are listed in `strategies.ts`. */
import type { Random } from './random.ts';

/** An actor that can move, as a strategy sees it. */
export interface Candidate {
  readonly id: number;
  /** When its operation is due, in nanoseconds; 0 under strategies without time. */
  readonly readyAt: number;
}

export interface Strategy {
  /** Whether operations take time: latencies are drawn, and who is due first matters. */
  readonly timed: boolean;
  /** Picks among the first `count` candidates, at least two, in the order of their actors' numbers; evaluates to an index. */
  pick(candidates: readonly Candidate[], count: number): number;
  /** An actor moves: picked, or because nobody else could. */
  moved?(actor: number): void;
}

/** Makes a strategy for one run. */
export type StrategyFactory = (random: Random) => Strategy;
