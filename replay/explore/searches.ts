import { InputError } from '../../core/errors.ts';
import { delays, DepthFirst, preemptions } from '../../scheduler/searches/depth-first.ts';
import { Reduction } from '../../scheduler/searches/reduction.ts';
import { Sampling } from '../../scheduler/searches/sampling.ts';
import type { Search } from '../../scheduler/search.ts';
import { strategies } from '../../scheduler/strategies.ts';
import type { Rehearsal } from '../../scheduler/strategy.ts';
import { defaultDepth, pctOf } from '../../scheduler/strategies/pct.ts';

/** What a search is made from. */
export interface Plan {
  readonly seed: string;
  /** For `pct`: how many orderings a bug may need to show. */
  readonly depth: number;
  /** For the bounded searches: how many preemptions or delays a schedule may have. */
  readonly bound: number;
  /** The first execution to make, and how many further the next one is; for searches that draw. */
  readonly first: number;
  readonly stride: number;
  rehearse(): Rehearsal;
}

export { defaultDepth };
/** Most bugs need no more (Musuvathi, Qadeer, "Iterative Context Bounding", 2007). */
export const defaultBound = 2;

/** A way to search: what it promises, and how it is made. */
export interface Way {
  /** Whether it goes through all schedules in order, so that it can come to an end. */
  readonly systematic: boolean;
  /** Whether no two of its executions are of the same trace, so that nobody need look. */
  readonly distinct?: boolean;
  readonly make: (plan: Plan) => Search;
}

const sampling = (name: keyof typeof strategies): Way => ({
  systematic: false,
  make: (plan) => new Sampling(strategies[name], plan.seed, plan.rehearse(), plan.first, plan.stride),
});

/** Every way to search, by the name that `explore --strategy` takes. */
export const ways = {
  random: sampling('random'),
  pos: sampling('pos'),
  pct: {
    systematic: false,
    make: (plan) => new Sampling(pctOf(plan.depth), plan.seed, plan.rehearse(), plan.first, plan.stride),
  },
  timed: sampling('timed'),
  'depth-first': { systematic: true, make: ({ seed }) => new DepthFirst(seed) },
  preemptions: { systematic: true, make: ({ seed, bound }) => new DepthFirst(seed, preemptions, bound) },
  delays: { systematic: true, make: ({ seed, bound }) => new DepthFirst(seed, delays, bound) },
  reduction: { systematic: true, distinct: true, make: ({ seed }) => new Reduction(seed) },
} satisfies Record<string, Way>;

export type WayName = keyof typeof ways;
export const wayNames: readonly WayName[] = Object.keys(ways) as WayName[];

/** @throws {InputError} naming the ways there are */
export function wayNamed(name: string): WayName {
  const found = wayNames.find((known) => known === name);
  if (found === undefined) throw new InputError(`there is no search "${name}"; there are: ${wayNames.join(', ')}`);
  return found;
}
