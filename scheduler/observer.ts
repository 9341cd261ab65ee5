import type { Resource } from '../core/catalogue.ts';
import type { AnyEvent } from '../core/events.ts';
import type { World } from '../core/world.ts';

/** Sees a run as it happens. */
export interface Observer {
  /** Called with the world as it was just before the event, whose kind has that number. Sequence numbers count from 0. */
  event(event: AnyEvent, kind: number, actor: number, tick: number, world: World): void;
  /** What an actor does next depends on an object that no event of its step touches. */
  look?(resource: Resource, id: number, actor: number, world: World): void;
  /** An actor was picked where more than one could have moved. */
  decision(actor: number): void;
}

/** Thrown by an observer to end the run: passes through, as no failure of the program. */
export class Abort extends Error {}

/** Sees nothing. */
export const blind: Observer = { event: () => {}, decision: () => {} };
