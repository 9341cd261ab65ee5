/** The events that touched a target, forwards and backwards. */
import type { World } from '../../core/world.ts';
import { eventsPerCheckpoint } from '../../store/checkpoints.ts';
import type { RecordedEvent } from '../../store/reader.ts';
import { Touches } from '../diff/touches.ts';
import { foldInto } from '../fold.ts';
import { seek } from '../seek.ts';
import type { Session } from '../session.ts';
import { stretchesOf, taskNamed, type Target } from './target.ts';

/** Events from one number to another, both included. */
export interface Bounds {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** The events that touched the target, the first one first. Where an address leads is looked up anew at every event. */
export function* touching(session: Session, target: Target, bounds: Bounds = {}): Generator<RecordedEvent, void> {
  const from = bounds.from ?? 0;
  const to = Math.min(bounds.to ?? Infinity, session.row.events - 1);
  if (from > to) return;
  const world = seek(session, from);
  const touches = new Touches();
  for (const recorded of session.events({ from, to })) {
    const { event, actor } = recorded;
    touches.look(event, world, actor);
    if (touchesTarget(touches, world, target)) yield recorded;
    foldInto(world, [recorded], session.name);
  }
}

/** The same, the last one first. */
export function* touchingBackwards(
  session: Session,
  target: Target,
  bounds: Bounds = {},
): Generator<RecordedEvent, void> {
  const first = bounds.from ?? 0;
  let to = Math.min(bounds.to ?? Infinity, session.row.events - 1);
  while (to >= first) {
    // From checkpoint to checkpoint: within a window there is only the way forwards.
    const from = Math.max(to - (to % eventsPerCheckpoint), first);
    yield* [...touching(session, target, { from, to })].toReversed();
    to = from - 1;
  }
}

/** The last event before number `seq` that touched the target. */
export function previousTouching(session: Session, target: Target, seq: number): RecordedEvent | undefined {
  return touchingBackwards(session, target, { to: seq - 1 }).next().value ?? undefined;
}

/** The first event after number `seq` that touches the target. */
export function nextTouching(session: Session, target: Target, seq: number): RecordedEvent | undefined {
  return touching(session, target, { from: seq + 1 }).next().value ?? undefined;
}

function touchesTarget({ list, count }: Touches, world: World, target: Target): boolean {
  const stretches = stretchesOf(world, target);
  const task = target.kind === 'task' ? taskNamed(world, target.name) : undefined;
  for (let i = 0; i < count; i += 1) {
    const { resource, id, from, to } = list[i]!;
    if (target.kind === 'object' && resource === target.resource && id === target.id) return true;
    if (target.kind === 'page' && resource === 'object' && id === target.object && from === target.page) return true;
    if (resource === 'task' && id === task && target.kind === 'task') {
      // Changes of the address space: what is mapped there, and which page.
      const { pageSize } = world.machine;
      const end = to - from === 1 ? from + pageSize : to;
      if (from !== -1 && from < target.address + target.length && end > target.address) return true;
    }
    for (const bytes of stretches) {
      if (bytes.resource === resource && bytes.id === id && from < bytes.to && to > bytes.from) return true;
    }
  }
  return false;
}
