import { InputError } from '../core/errors.ts';
import { evolve } from '../core/evolve.ts';
import type { World } from '../core/world.ts';
import type { RecordedEvent } from '../store/reader.ts';

/**
 * Applies events to a world, which is changed in place unless it is a draft. `name` is the session's, for messages.
 * @throws {InputError} when an event does not fit the world before it
 */
export function foldInto(world: World, events: Iterable<RecordedEvent>, name: string): void {
  let at = 0;
  try {
    for (const { seq, event, actor, tick } of events) {
      at = seq;
      evolve(world, event, actor, tick);
    }
  } catch (error) {
    throw unfit(name, at, error);
  }
}

/** What to say of an event that cannot be applied. */
export function unfit(name: string, seq: number, error: unknown): InputError {
  if (error instanceof InputError) return error;
  const why = `${name}: event ${seq} does not fit the world before it: the session is damaged`;
  return new InputError(why, { cause: error });
}
