import type { Resource, Touch } from '../../core/catalogue.ts';
import {
  kindNames,
  kindNumbers,
  kindsByNumber,
  type AnyEvent,
  type EventByKind,
  type KindName,
} from '../../core/events.ts';
import type { Operation } from '../../core/operation.ts';
import type { World } from '../../core/world.ts';
import type { Names } from './names.ts';
import { unsteady, write, type Ranges } from './ranges.ts';

/** Kinds that happen, and touch what they touch, in whatever order they and others of these come. */
const steadyKinds: ReadonlySet<KindName> = new Set([
  'actor.start',
  'memory.fill',
  'memory.load',
  'memory.store',
  'mutex.lock',
  'mutex.unlock',
  'note',
  'thread.join',
] as const);
const steady: readonly boolean[] = kindNames.map((kind) => steadyKinds.has(kind));

/** Numbers of kinds: to ask every event for its name would cost more. */
const creates = kindNumbers.get('actor.create')!;
const atomics = kindNumbers.get('memory.atomic')!;

/** Collects what a step touches, under names that do not depend on the schedule. */
export class Collector {
  private names: Names;
  private ranges: number[] = [];
  private how = 0;
  private world: World | undefined;
  private readonly touch: Touch = (resource, id, access, from = 0, to = Infinity) => {
    const how = access === 'read' ? this.how : this.how | write;
    this.ranges.push(this.names.keyOf(resource, id, this.world!), how, from, to);
  };

  constructor(names: Names) {
    this.names = names;
  }

  /** What was collected since the last call. */
  take(): Ranges {
    const { ranges } = this;
    this.ranges = [];
    return ranges;
  }

  /** Adds what an event is about to touch. */
  add(event: AnyEvent, kind: number, actor: number, world: World): void {
    this.names.catchUp(world.nextId);
    if (kind === creates) this.names.born((event as EventByKind['actor.create']).actor, this.names.actorOf(actor));
    this.how = isSteady(event, kind) ? 0 : unsteady;
    this.world = world;
    kindsByNumber[kind]!.footprint(event, this.touch, world, actor);
    // Whoever is killed makes no further step: the end of an actor conflicts with all that it does.
    this.touch('actor', actor, 'read');
  }

  /** A step of the actor begins: whoever ends an actor comes after what it has done. */
  begin(actor: number, world: World): void {
    this.how = 0;
    this.world = world;
    this.touch('actor', actor, 'read');
  }

  /** Adds an object that the step looks at. */
  look(resource: Resource, id: number, world: World): void {
    this.names.catchUp(world.nextId);
    this.how = unsteady;
    this.world = world;
    this.touch(resource, id, 'read');
  }

  /** What an operation is going to touch, as far as it tells. */
  intentOf(operation: Operation<unknown>, actor: number, world: World): Ranges {
    this.how = unsteady;
    this.world = world;
    operation.intent(this.touch, world, actor);
    return this.take();
  }
}

/** A compare-exchange writes or does not, by what others have written. */
function isSteady(event: AnyEvent, kind: number): boolean {
  return kind === atomics ? (event as EventByKind['memory.atomic']).operation !== 'compare-exchange' : steady[kind]!;
}
