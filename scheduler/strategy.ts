/** How the next actor is picked. One strategy a file in `strategies/`; they are listed in `strategies.ts`. */
import type { Resource } from '../core/catalogue.ts';
import type { AnyEvent } from '../core/events.ts';
import type { Operation } from '../core/operation.ts';
import type { World } from '../core/world.ts';
import type { Random } from './random.ts';

/** An actor that can move, as a strategy sees it. */
export interface Candidate {
  readonly id: number;
  /** When its operation is due, in nanoseconds; 0 under strategies without time. */
  readonly readyAt: number;
  /** What it is about to do. */
  readonly pending: Operation<unknown>;
}

/** A run, as a strategy sees it. */
export interface Running {
  readonly world: World;
  /** Virtual time, in nanoseconds. */
  readonly now: number;
  /** Those who have not ended. */
  waiting(): readonly Candidate[];
}

export interface Strategy {
  /** Whether operations take time: latencies are drawn, and who is due first matters. */
  readonly timed: boolean;
  /** Whether it picks at every step, even where only one actor can move. */
  readonly everyStep?: boolean;
  /** The run begins; nobody has moved. */
  begin?(run: Running): void;
  /** Picks among the first `count` candidates, more than one unless it wants {@link everyStep}, in the order of their actors' numbers; evaluates to an index, or to {@link giveUp}. */
  pick(candidates: readonly Candidate[], count: number): number;
  /** An actor moves: picked, or because nobody else could. */
  moved?(actor: number): void;
  /** An event is about to happen, in the world as it is just before it. */
  event?(event: AnyEvent, kind: number, actor: number, world: World): void;
  /** What the actor does next depends on an object that no event of its step touches. */
  look?(resource: Resource, id: number, actor: number, world: World): void;
}

/** Picked instead of an actor, ends the run where it is. */
export const giveUp = -1;

/** What a run of the scenario before has shown, for strategies that must know about how long it is. */
export interface Rehearsal {
  /** Picks made among more than one actor. */
  readonly decisions: number;
}

/** Makes a strategy for one run. */
export type StrategyFactory = (random: Random, rehearsal?: Rehearsal) => Strategy;
