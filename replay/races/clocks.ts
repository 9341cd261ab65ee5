import type { Order } from '../../core/catalogue.ts';

/** A vector clock: for each actor, up to which of its epochs everything is known to have happened before. */
export type Clock = number[];

/** Whether an access in an actor's epoch is ordered before what another does, or did when its clock was `clock`. */
export function ordered(first: { actor: number; epoch: number }, second: number, clock: Clock): boolean {
  return first.actor === second || (clock[first.actor] ?? 0) >= first.epoch;
}

function join(into: Clock, from: Clock): void {
  for (let i = 0; i < from.length; i += 1) if ((from[i] ?? 0) > (into[i] ?? 0)) into[i] = from[i]!;
}

/**
 * Vector clocks of all actors (Mattern, "Virtual Time and Global States of Distributed Systems", 1989).
 * An actor's epoch goes up with each release, so that two accesses of the same epoch have the same followers
 * (Flanagan and Freund, "FastTrack", 2009).
 */
export class Clocks implements Order {
  private readonly clocks: Clock[] = [];
  private readonly released = new Map<string, Clock>();
  private readonly sent = new Map<string, Clock[]>();
  private actor = 0;

  /** Whose events the next calls are about. */
  select(actor: number): this {
    this.actor = actor;
    return this;
  }

  /** A copy of the actor's clock, for what it has started and others will do for it. Its next accesses belong to a new epoch. */
  take(actor: number): Clock {
    const clock = this.of(actor);
    const copy = clock.slice();
    clock[actor]! += 1;
    return copy;
  }

  /** The actor has read what `writer` left in that epoch, and through it knows what the writer knew then, at least itself. */
  readFrom(writer: number, epoch: number): void {
    const mine = this.of(this.actor);
    mine[writer] = Math.max(mine[writer] ?? 0, epoch);
  }

  release(key: string): void {
    const known = this.released.get(key);
    if (known === undefined) this.released.set(key, this.take(this.actor));
    else join(known, this.take(this.actor));
  }

  acquire(key: string): void {
    const known = this.released.get(key);
    if (known !== undefined) join(this.of(this.actor), known);
  }

  send(key: string): void {
    const queue = this.sent.get(key);
    if (queue === undefined) this.sent.set(key, [this.take(this.actor)]);
    else queue.push(this.take(this.actor));
  }

  receive(key: string): void {
    const first = this.sent.get(key)?.shift();
    if (first !== undefined) join(this.of(this.actor), first);
  }

  /** The actor's clock now. */
  of(actor: number): Clock {
    let clock = this.clocks[actor];
    if (clock === undefined) {
      clock = [];
      clock[actor] = 1;
      this.clocks[actor] = clock;
    }
    return clock;
  }
}
