import { enableMapSet, enablePatches, freeze, produce, produceWithPatches, type Patch } from 'immer';
import { evolve } from '../core/evolve.ts';
import { emptyWorld, type World } from '../core/world.ts';
import { eventsPerCheckpoint } from '../store/checkpoints.ts';
import type { RecordedEvent } from '../store/reader.ts';
import { foldInto } from './fold.ts';
import { seek } from './seek.ts';
import type { Session } from './session.ts';

enableMapSet();
enablePatches();

/** Events applied to one draft: immer's work for a draft is then shared by many. */
const batch = 1_000;

/** A part of the world that an event changed. */
export interface Difference {
  readonly op: Patch['op'];
  /** From the world down. */
  readonly path: readonly (string | number)[];
  /** The new value; of bytes, only those that changed. */
  readonly value: unknown;
  /** Where the changed bytes begin, when it is bytes. */
  readonly offset?: number;
}

/** What one event changed. */
export interface Change {
  readonly recorded: RecordedEvent;
  readonly before: World;
  readonly after: World;
  readonly differences: readonly Difference[];
}

/**
 * A session as a row of immutable worlds that share what they have in common: keep as many
 * as you like. The same transitions as everywhere, run inside immer.
 */
export class Timeline {
  private readonly session: Session;
  private world: World = freeze(emptyWorld());
  private count = 0;

  constructor(session: Session) {
    this.session = session;
  }

  /** The world after `count` events. Costs the events since the last world asked for or the nearest checkpoint before. */
  after(count: number): World {
    if (count < this.count || count - this.count > eventsPerCheckpoint) {
      this.world = freeze(seek(this.session, count));
      this.count = count;
    }
    let events: RecordedEvent[] = [];
    for (const recorded of this.session.events({ from: this.count, to: count - 1 })) {
      events.push(recorded);
      if (events.length === batch) {
        this.apply(events);
        events = [];
      }
    }
    this.apply(events);
    return this.world;
  }

  /** What the event with that sequence number changed. */
  change(seq: number): Change {
    const before = this.after(seq);
    const { value: recorded } = this.session.events({ from: seq, to: seq }).next();
    if (recorded === undefined) throw new RangeError(`${this.session.name} has no event ${seq}`);
    const [after, patches] = produceWithPatches(before, (draft) => {
      evolve(draft, recorded.event, recorded.actor, recorded.tick);
    });
    this.world = after;
    this.count = seq + 1;
    return { recorded, before, after, differences: patches.flatMap((patch) => differenceOf(before, patch)) };
  }

  private apply(events: readonly RecordedEvent[]): void {
    if (events.length === 0) return;
    this.world = produce(this.world, (draft) => {
      foldInto(draft, events, this.session.name);
    });
    this.count += events.length;
  }
}

/** One of immer's patches as a difference; bytes that were copied but not changed are none. */
function differenceOf(before: World, { op, path, value }: Patch): Difference[] {
  const old = path.reduce<unknown>(
    (part, key) => (part instanceof Map ? part.get(key) : (part as Record<string, unknown> | undefined)?.[key]),
    before,
  );
  if (!(value instanceof Uint8Array && old instanceof Uint8Array)) return [{ op, path, value }];
  const offset = value.findIndex((byte, i) => byte !== old[i]);
  const end = value.findLastIndex((byte, i) => byte !== old[i]) + 1;
  return offset === -1 ? [] : [{ op, path, value: value.slice(offset, end), offset }];
}
