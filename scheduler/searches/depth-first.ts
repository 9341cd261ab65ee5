import type { Search, Trial } from '../search.ts';
import type { Candidate, Strategy } from '../strategy.ts';

/** A decision of the current execution: who could move, in the order in which they are tried. */
interface Branch {
  /** Which of them is tried. */
  rank: number;
  readonly count: number;
  /** What the decisions before have cost. */
  readonly spent: number;
  /** Whether whoever moved before could have gone on. */
  readonly preempts: boolean;
}

/** What it costs to try the candidate of that rank; never less than that of a lower rank. */
export type Cost = (rank: number, preempts: boolean) => number;

/**
 * Every schedule whose decisions together cost no more than a bound, one after the other: the last decision that has
 * an untried candidate takes it. First is tried whoever moved before, then the others in turn by number.
 */
export class DepthFirst implements Search {
  private readonly seed: string;
  private readonly cost: Cost;
  private readonly bound: number;
  private readonly path: Branch[] = [];
  private begun = false;
  private exhausted = false;
  private pruned = false;

  constructor(seed: string, cost: Cost = () => 0, bound = 0) {
    this.seed = seed;
    this.cost = cost;
    this.bound = bound;
  }

  get complete(): boolean {
    return this.exhausted && !this.pruned;
  }

  next(): Trial | undefined {
    if (this.begun && !this.backtrack()) return undefined;
    this.begun = true;
    return { strategy: this.follow(), seed: this.seed };
  }

  private backtrack(): boolean {
    const { path } = this;
    for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
      if (last.rank + 1 < last.count) {
        if (last.spent + this.cost(last.rank + 1, last.preempts) <= this.bound) {
          last.rank += 1;
          return true;
        }
        this.pruned = true;
      }
      path.pop();
    }
    this.exhausted = true;
    return false;
  }

  private follow(): Strategy {
    const { path } = this;
    let depth = 0;
    let last = 0;
    return {
      timed: false,
      pick: (candidates, count) => {
        const first = turn(candidates, count, last);
        const preempts = candidates[first]!.id === last;
        const before = path[depth - 1];
        const spent = before === undefined ? 0 : before.spent + this.cost(before.rank, before.preempts);
        const branch = (path[depth] ??= { rank: 0, count, spent, preempts });
        depth += 1;
        return (first + branch.rank) % count;
      },
      moved(actor) {
        last = actor;
      },
    };
  }
}

/** The index of the actor, or else of the next by number, in a circle. */
function turn(candidates: readonly Candidate[], count: number, actor: number): number {
  for (let i = 0; i < count; i += 1) if (candidates[i]!.id >= actor) return i;
  return 0;
}

/** A preemption is a move by another while whoever moved before could have gone on (Musuvathi, Qadeer, "Iterative Context Bounding", 2007). */
export const preemptions: Cost = (rank, preempts) => (preempts && rank > 0 ? 1 : 0);

/** Each candidate that is passed over is a delay (Emmi, Qadeer, Rakamarić, "Delay-Bounded Scheduling", 2011). */
export const delays: Cost = (rank) => rank;
