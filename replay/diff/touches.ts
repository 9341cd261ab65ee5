import type { Access, Resource, Touch } from '../../core/catalogue.ts';
import { kindNumbers, kindsByNumber, type AnyEvent } from '../../core/events.ts';
import type { World } from '../../core/world.ts';

/** Something that an event touches. */
export interface Touched {
  resource: Resource;
  id: number;
  access: Access;
  /** Bounds in what is touched, `to` exclusive; in bytes where it is bytes, -1 for all of anything else. */
  from: number;
  to: number;
  /** Whether it is bytes of memory: of a frame, or of a device's own. */
  bytes: boolean;
}

/** What one event touches, collected without making anything new for each. */
export class Touches {
  readonly list: Touched[] = [];
  count = 0;
  /** Bytes read, and bytes written. */
  read = 0;
  written = 0;
  private world: World | undefined;

  /** Looks at an event, on the world just before it. `number` is its kind's, for callers that know it already. */
  look(event: AnyEvent, world: World, actor: number, number: number = kindNumbers.get(event.kind)!): void {
    this.count = 0;
    this.read = 0;
    this.written = 0;
    this.world = world;
    kindsByNumber[number]!.footprint(event, this.touch, world, actor);
  }

  private readonly touch: Touch = (resource, id, access, from = -1, to = -1) => {
    let entry = this.list[this.count];
    if (entry === undefined) {
      entry = { resource, id, access, from, to, bytes: false };
      this.list.push(entry);
    }
    entry.resource = resource;
    entry.id = id;
    entry.access = access;
    entry.bytes = resource === 'frame' || resource === 'device';
    entry.from = entry.bytes ? Math.max(from, 0) : from;
    entry.to = entry.bytes && to === -1 ? sizeOf(this.world!, resource, id) : to;
    this.count += 1;
    if (!entry.bytes) return;
    if (access === 'read') this.read += entry.to - entry.from;
    else this.written += entry.to - entry.from;
  };
}

/** Bytes of a frame, or of a device's own memory. */
export function sizeOf(world: World, resource: Resource, id: number): number {
  return resource === 'frame' ? world.machine.pageSize : (world.devices.get(id)?.memory.length ?? 0);
}
