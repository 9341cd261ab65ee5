import type { Strategy } from './strategy.ts';

/** One execution that a search asks for. */
export interface Trial {
  readonly strategy: Strategy;
  /** What the run's other draws come from. */
  readonly seed: string;
  /** Whether it only looks ahead: no execution of its own, and whatever it finds counts for nothing. */
  readonly probe?: boolean;
}

/** A search decides which executions there are, one after the other. One search a file in `searches/`. */
export interface Search {
  /** The next execution; nothing when there is none left. The one before has ended by now. */
  next(): Trial | undefined;
  /** Whether every execution has been made, and nothing was left out: not merely the last one that was asked for. */
  readonly complete: boolean;
}
