import { emptyWorld, type World } from '../core/world.ts';
import { eventsPerCheckpoint } from '../store/checkpoints.ts';
import { foldInto } from './fold.ts';
import type { Session } from './session.ts';

/**
 * The world after `count` events, the caller's own: from the nearest checkpoint before, and making those that are
 * missing on the way. So the first seek costs a fold, and each later one a small part of it.
 */
export function seek(session: Session, count: number): World {
  const missing: string[] = [];
  let from = count - (count % eventsPerCheckpoint);
  let found: World | undefined;
  for (; from > 0; from -= eventsPerCheckpoint) {
    const mark = session.mark(from);
    found = mark === undefined ? undefined : session.checkpoints.find(mark.digest);
    if (found !== undefined) break;
    missing.push(mark?.digest ?? '');
  }
  const world = found ?? emptyWorld();
  for (const digest of missing.toReversed()) {
    foldInto(world, session.events({ from, to: from + eventsPerCheckpoint - 1 }), session.name);
    from += eventsPerCheckpoint;
    if (digest !== '') session.checkpoints.keep(digest, world);
  }
  foldInto(world, session.events({ from, to: count - 1 }), session.name);
  return world;
}
