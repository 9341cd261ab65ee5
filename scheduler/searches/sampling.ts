import type { Search, Trial } from '../search.ts';
import { stream } from '../random.ts';
import type { Rehearsal, StrategyFactory } from '../strategy.ts';

/** The seed of the nth run of an exploration, from 0: numbers count up, so that `record --seed` with that number does the same. */
export function seedOf(seed: string, run: number): string {
  const number = Number(seed);
  if (/^\d+$/.test(seed) && Number.isSafeInteger(number + run)) return String(number + run);
  return run === 0 ? seed : `${seed}/${run}`;
}

/** Draws each run from a seed of its own: runs can be made in any order, and never are all there are. */
export class Sampling implements Search {
  readonly complete = false;
  private readonly factory: StrategyFactory;
  private readonly seed: string;
  private readonly rehearsal: Rehearsal;
  private readonly stride: number;
  private run: number;

  /** Makes the execution `first`, and then each that is `stride` further. */
  constructor(factory: StrategyFactory, seed: string, rehearsal: Rehearsal, first = 0, stride = 1) {
    this.factory = factory;
    this.seed = seed;
    this.rehearsal = rehearsal;
    this.run = first;
    this.stride = stride;
  }

  next(): Trial {
    const seed = seedOf(this.seed, this.run);
    this.run += this.stride;
    return { strategy: this.factory(stream(seed, 'schedule'), this.rehearsal), seed };
  }
}
