import { InputError } from '../../core/errors.ts';
import { evolve } from '../../core/evolve.ts';
import type { World } from '../../core/world.ts';
import type { RecordedEvent } from '../../store/reader.ts';
import type { Session } from '../session.ts';

/** Something about a world that holds or not. It must not change the world. */
export type Predicate = (world: World) => boolean;

/** The event at which a predicate turns true and stays so. */
export interface Turned {
  readonly recorded: RecordedEvent;
  /** Worlds that it was asked of. */
  readonly looks: number;
  /** Events after which it was seen to hold still: all that follow, or so many of them. */
  readonly held: number;
  readonly follow: number;
}

/** Worlds that are looked at after the event, to see whether it stays. */
const mostLooks = 1_000;

/**
 * Finds the event at which the predicate turns true and stays, by halving over the session's worlds: a seek costs the
 * events since the checkpoint before it. What turns more than once is looked for after its last turn. Only the first
 * `events` are looked at, by default all of them.
 * @throws {InputError} when it does not hold at the end, or holds from the start
 */
export function firstTurn(session: Session, holds: Predicate, events: number = session.row.events): Turned {
  const timeline = session.timeline();
  let looks = 2;
  if (!holds(timeline.after(events)))
    throw new InputError(`it does not hold after ${events} events of ${session.name}`);
  if (holds(timeline.after(0))) throw new InputError(`it holds from the start of ${session.name}`);
  for (let before = 0; ;) {
    let after = events;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      looks += 1;
      if (holds(timeline.after(middle))) after = middle;
      else before = middle;
    }
    const rest = lastFalse(session, holds, after, events);
    looks += rest.looks;
    if (rest.at === undefined) {
      const { value } = session.events({ from: after - 1, to: after - 1 }).next();
      return { recorded: value!, looks, held: rest.looks, follow: events - after };
    }
    before = rest.at;
  }
}

/** Looks at worlds after more than `from` events, up to `to`; evaluates to the last one in which it does not hold. */
function lastFalse(
  session: Session,
  holds: Predicate,
  from: number,
  to: number,
): { at: number | undefined; looks: number } {
  const stride = Math.max(1, Math.ceil((to - from) / mostLooks));
  const world = session.fold(from);
  let at: number | undefined;
  let looks = 0;
  for (const { seq, event, actor, tick } of session.events({ from, to: to - 1 })) {
    evolve(world, event, actor, tick);
    if ((seq + 1 - from) % stride !== 0) continue;
    looks += 1;
    if (!holds(world)) at = seq + 1;
  }
  return { at, looks };
}
