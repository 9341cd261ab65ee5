import type { Order } from '../../core/catalogue.ts';
import type { AnyEvent } from '../../core/events.ts';

/** A vector clock: for each actor, up to which of its epochs everything is known to have happened before. Never changed once handed out. */
export type Clock = readonly number[];

/** An event that ordered somebody. */
export interface Edge {
  readonly seq: number;
  readonly event: AnyEvent;
}

/** Called when somebody has come to know more. */
export type Learned = (actor: number) => void;

/**
 * Vector clocks of all actors (Mattern, "Virtual Time and Global States of Distributed Systems", 1989).
 * An actor's epoch goes up with each release, so that two accesses of the same epoch have the same followers
 * (Flanagan and Freund, "FastTrack", 2009).
 */
export class Clocks implements Order {
  private readonly clocks: number[][] = [];
  /** Whether the actor's clock was handed out, and must be copied before it changes. */
  private readonly lent: boolean[] = [];
  private readonly released = new Map<string, number[]>();
  private readonly sent = new Map<string, Clock[]>();
  /** By actor and epoch: the event that ended the epoch, from which others know of it. */
  private readonly ends: Edge[][] = [];
  private readonly learned: Learned;
  private actor = 0;
  /** The event that the calls are about. */
  edge: Edge = { seq: 0, event: { kind: 'note', text: '' } };

  constructor(learned: Learned) {
    this.learned = learned;
  }

  /** Whose event the next calls are about. */
  select(actor: number, seq: number, event: AnyEvent): this {
    this.actor = actor;
    this.edge = { seq, event };
    return this;
  }

  /** What the actor knows now. */
  now(actor: number): Clock {
    this.lent[actor] = true;
    return this.of(actor);
  }

  /** The event that ended the actor's epoch; nothing when it goes on. */
  endOf(actor: number, epoch: number): Edge | undefined {
    return this.ends[actor]?.[epoch];
  }

  /** The last epoch of somebody that the actor knows of; 0 for none. */
  knows(actor: number, of: number): number {
    return this.of(actor)[of] ?? 0;
  }

  /** The actor has seen what somebody left in memory, and so knows what that one knew then. */
  readFrom(clock: Clock): void {
    this.join(clock);
  }

  /** Ends the actor's epoch: what it does from here on is not known to those who know what it did before. */
  advance(): void {
    const { actor } = this;
    const clock = this.own(actor);
    const epoch = clock[actor]!;
    (this.ends[actor] ??= [])[epoch] = this.edge;
    clock[actor] = epoch + 1;
  }

  release(key: string): void {
    const known = this.released.get(key);
    if (known === undefined) this.released.set(key, this.of(this.actor).slice());
    else raise(known, this.of(this.actor));
    this.advance();
  }

  acquire(key: string): void {
    const known = this.released.get(key);
    if (known !== undefined) this.join(known);
  }

  send(key: string): void {
    const clock = this.now(this.actor);
    const queue = this.sent.get(key);
    if (queue === undefined) this.sent.set(key, [clock]);
    else queue.push(clock);
    this.advance();
  }

  receive(key: string): void {
    const first = this.sent.get(key)?.shift();
    if (first !== undefined) this.join(first);
  }

  private join(from: Clock): void {
    raise(this.own(this.actor), from);
    this.learned(this.actor);
  }

  /** The actor's clock, to be changed. */
  private own(actor: number): number[] {
    const clock = this.of(actor);
    if (this.lent[actor] !== true) return clock;
    this.lent[actor] = false;
    return (this.clocks[actor] = clock.slice());
  }

  private of(actor: number): number[] {
    return (this.clocks[actor] ??= [...Array.from({ length: actor }, () => 0), 1]);
  }
}

/** Makes the clock at least the other. */
function raise(clock: number[], other: Clock): void {
  while (clock.length < other.length) clock.push(0);
  for (let i = 0; i < other.length; i += 1) if (other[i]! > clock[i]!) clock[i] = other[i]!;
}
