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
    if (error instanceof InputError) throw error;
    throw new InputError(`${name}: event ${at} does not fit the world before it: the session is damaged`, {
      cause: error,
    });
  }
}
