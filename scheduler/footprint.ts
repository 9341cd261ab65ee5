import type { Access, Resource, Touch } from '../core/catalogue.ts';

/** Numbers of the resources, by name, in the order in which they are first seen. */
const resourceNumbers = new Map<Resource, number>();
/** More than there are resources. */
const resourceRoom = 64;

/** The number of a kind of resource. */
export function resourceNumber(resource: Resource): number {
  let number = resourceNumbers.get(resource);
  if (number === undefined) {
    number = resourceNumbers.size;
    resourceNumbers.set(resource, number);
  }
  return number;
}

/** One number for a resource: which kind, and which of that kind. */
export function keyOf(resource: Resource, id: number): number {
  return id * resourceRoom + resourceNumber(resource);
}

/** What a step touches: ranges of resources, read or written. Accesses that synchronise count as writes. */
export class Footprint {
  /** Four numbers for each range: key of the resource, 1 for a write, byte bounds (`to` exclusive). */
  private readonly ranges: number[] = [];

  /** Adds a range: a function of its own, to be handed to a kind's `footprint`. */
  readonly touch: Touch = (resource: Resource, id: number, access: Access, from = 0, to = Infinity) => {
    this.ranges.push(keyOf(resource, id), access === 'read' ? 0 : 1, from, to);
  };

  clear(): void {
    this.ranges.length = 0;
  }

  /** Whether the order of two steps matters: both touch the same bytes or object, and at least one writes. */
  conflicts(other: Footprint): boolean {
    const { ranges: a } = this;
    const { ranges: b } = other;
    for (let i = 0; i < a.length; i += 4) {
      for (let j = 0; j < b.length; j += 4) {
        if (a[i] === b[j] && (a[i + 1]! | b[j + 1]!) === 1 && a[i + 2]! < b[j + 3]! && b[j + 2]! < a[i + 3]!)
          return true;
      }
    }
    return false;
  }
}
