/** Why bytes are what they are: back over the stores, copies and beats that brought them. */
import { InputError } from '../../core/errors.ts';
import type { World } from '../../core/world.ts';
import { emptyWorld } from '../../core/world.ts';
import { Pool } from '../diff/column.ts';
import { Touches } from '../diff/touches.ts';
import { foldInto } from '../fold.ts';
import { formatEvent } from '../format.ts';
import { Provenance } from '../provenance.ts';
import type { Session } from '../session.ts';
import { targetName, stretchesOf, type Target, type Stretch } from './target.ts';

/** An event on the way of some bytes. */
export interface Hop {
  readonly seq: number;
  readonly actor: string;
  readonly text: string;
}

/** Bytes that came the same way. */
export interface Origin {
  /** What the target calls the first of them: an address, or an offset. */
  readonly address: number;
  readonly bytes: Uint8Array;
  /** The event that put them there, then the one that put them where it took them from, back to the one that made them. */
  readonly way: readonly Hop[];
}

/**
 * Says where the bytes of a target, as they are after event `at`, come from. Folds the session up to there.
 * @throws {InputError} when there is nothing at the target then
 */
export function why(session: Session, target: Target, at: number = session.row.events - 1): Origin[] {
  session.event(at);
  if (target.kind === 'object')
    throw new InputError(`${targetName(target)} is no bytes; look for it with show --touching`);
  const pool = new Pool();
  try {
    const world = emptyWorld();
    const provenance = new Provenance(pool);
    const touches = new Touches();
    for (const recorded of session.events({ to: at })) {
      const { seq, event, actor } = recorded;
      touches.look(event, world, actor);
      provenance.event(seq, event, touches, world, actor);
      foldInto(world, [recorded], session.name);
    }
    const stretches = stretchesOf(world, target);
    if (stretches.length === 0) {
      throw new InputError(
        `${session.name}: there are no bytes at ${targetName(target)} after event ${at}; look at an earlier one`,
      );
    }
    return stretches.flatMap((stretch) => originsOf(session, world, provenance, stretch));
  } finally {
    pool.close();
  }
}

function originsOf(session: Session, world: World, provenance: Provenance, stretch: Stretch): Origin[] {
  const { resource, id, from, address } = stretch;
  const bytes = resource === 'frame' ? world.frames.get(id)?.bytes : world.devices.get(id)?.memory;
  if (bytes === undefined) return [];
  const to = Math.min(stretch.to, bytes.length);
  const steps = provenance.stepsAt(resource, id);
  const names = session.actors();
  const tell = (seq: number): Hop => {
    const { actor, event } = session.event(seq);
    return { seq, actor: names.get(actor) ?? `actor ${actor}`, text: formatEvent(event) };
  };
  const origins: Origin[] = [];
  for (let begin = from; begin < to;) {
    const step = steps?.[begin] ?? 0;
    let end = begin + 1;
    while (end < to && (steps?.[end] ?? 0) === step) end += 1;
    origins.push({
      address: address + begin - from,
      bytes: bytes.slice(begin, end),
      way: provenance.chain(step).map(tell),
    });
    begin = end;
  }
  return origins;
}
