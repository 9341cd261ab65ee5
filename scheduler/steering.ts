import type { AnyEvent } from '../core/events.ts';
import type { World } from '../core/world.ts';
import { Family } from './family.ts';
import type { Lineage } from './lineage.ts';
import type { Candidate, Strategy } from './strategy.ts';

/**
 * A place where somebody else than usual moves: when `from`, who moved last, has made `steps` steps, the next one is of
 * `to`. Both are members of a lineage.
 */
export interface Switch {
  readonly from: number;
  readonly steps: number;
  readonly to: number;
}

/** A step as one number, so that orders of many steps stay small: the `nth` one, from 0, of a member of a lineage. */
export function stepOf(member: number, nth: number): number {
  return member * 2 ** 32 + nth;
}

export const memberOf = (step: number): number => Math.floor(step / 2 ** 32);
export const nthOf = (step: number): number => step % 2 ** 32;

/** What a steered run would like. */
export interface Wish {
  /** Who should move: one of the first `count` candidates, by index, or -1 for whoever usually does. */
  choose(candidates: readonly Candidate[], count: number, steering: Steering): number;
}

/** No wishes: the default schedule. */
export const nothing: Wish = { choose: () => -1 };

/**
 * Follows a wish as far as it can be followed, and the default schedule elsewhere: whoever moved last goes on as long
 * as possible, then comes the next by number. It keeps what it did, in terms that mean the same in other runs.
 */
export class Steering implements Strategy {
  readonly timed: boolean;
  /** The steps made, in order. */
  readonly order: number[] = [];
  /** Where it left the default schedule; and how many steps had been made by then, for each. */
  readonly switches: Switch[] = [];
  readonly switchedAt: number[] = [];
  /** How often the actor that moves was another one than before. */
  contextSwitches = 0;
  private readonly wish: Wish;
  private readonly family: Family;
  /** Steps made, by member of the lineage. */
  private readonly made: number[] = [0];
  private last = 0;

  constructor(lineage: Lineage, timed: boolean, wish: Wish) {
    this.family = new Family(lineage);
    this.timed = timed;
    this.wish = wish;
  }

  event(event: AnyEvent, _kind: number, actor: number, world: World): void {
    this.family.event(event, actor, world);
  }

  /** The member that made the last step; 0 at first. */
  get lastMember(): number {
    return this.order.length === 0 ? 0 : memberOf(this.order.at(-1)!);
  }

  /** Steps made by a member of the lineage. */
  stepsOf(member: number): number {
    return this.made[member] ?? 0;
  }

  /** The actor as a member of the lineage. */
  memberOf(actor: number): number {
    return this.family.member(actor);
  }

  pick(candidates: readonly Candidate[], count: number): number {
    const usual = this.usual(candidates, count);
    const chosen = this.wish.choose(candidates, count, this);
    if (chosen === -1 || chosen === usual) return usual;
    const from = this.lastMember;
    this.switchedAt.push(this.order.length);
    this.switches.push({ from, steps: this.stepsOf(from), to: this.family.member(candidates[chosen]!.id) });
    return chosen;
  }

  moved(actor: number): void {
    const member = this.family.member(actor);
    const nth = this.stepsOf(member);
    this.order.push(stepOf(member, nth));
    this.made[member] = nth + 1;
    if (actor !== this.last) this.contextSwitches += 1;
    this.last = actor;
  }

  private usual(candidates: readonly Candidate[], count: number): number {
    let next = 0;
    for (let i = count - 1; i >= 0; i -= 1) {
      const { id } = candidates[i]!;
      if (id === this.last) return i;
      if (id > this.last) next = i;
    }
    return next;
  }
}
