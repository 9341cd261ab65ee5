import { stretchesOf } from '../../../core/iokit/pages.ts';
import type { Range } from '../../../core/iokit/state.ts';
import type { World } from '../../../core/world.ts';

/** The descriptors with ranges of their own that a descriptor is, or stands on; none for one that is gone. */
export function leavesOf(world: World, id: number): number[] {
  const descriptor = world.descriptors.get(id);
  if (descriptor === undefined) return [];
  return [...new Set(stretchesOf(world, descriptor, 0, descriptor.length).map(({ owner }) => owner.id))];
}

/** Addresses of a task that a descriptor names. */
export interface Named extends Range {
  readonly task: number;
}

/** What the bytes `[offset, offset + length)` of a descriptor are called in their task, in order. */
export function namedBy(world: World, id: number, offset: number, length: number): Named[] {
  const named: Named[] = [];
  for (const stretch of stretchesOf(world, world.descriptors.get(id)!, offset, length)) {
    const { task, ranges } = stretch.owner;
    let before = 0;
    for (const range of ranges) {
      const from = Math.max(stretch.offset, before);
      const to = Math.min(stretch.offset + stretch.length, before + range.length);
      if (from < to) named.push({ task, address: range.address + (from - before), length: to - from });
      before += range.length;
    }
  }
  return named;
}
