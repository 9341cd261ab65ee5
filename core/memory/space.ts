/** Address spaces: finding room, mapping objects, unmapping, and the end of objects nobody refers to. */
import type { Step } from '../operation.ts';
import { alignUp } from '../units.ts';
import type { World } from '../world.ts';
import type { CopyStrategy, Protection } from './state.ts';

/** Where mappings begin; below lies the executable. */
const lowest = 0x1_0400_0000;

/** The lowest gap that fits `length` bytes (page-aligned) at the alignment. */
export function roomFor(world: World, task: number, length: number, alignment: number): number {
  let candidate = alignUp(lowest, alignment);
  for (const entry of world.tasks.get(task)!.entries) {
    if (entry.start >= candidate + length) break;
    if (entry.end > candidate) candidate = alignUp(entry.end, alignment);
  }
  return candidate;
}

/** Whether nothing is mapped in a range. */
export function isFree(world: World, task: number, address: number, length: number): boolean {
  return !world.tasks.get(task)!.entries.some((entry) => entry.start < address + length && entry.end > address);
}

/** Whether all of a page-aligned range is mapped. */
export function isMapped(world: World, task: number, address: number, length: number): boolean {
  let at = address;
  for (const entry of world.tasks.get(task)!.entries) {
    if (entry.start <= at && at < entry.end) at = entry.end;
  }
  return at >= address + length;
}

/** Makes an object of at least `size` bytes; evaluates to its number. */
export function makeObject(step: Step, size: number, strategy: CopyStrategy): number {
  const object = step.world.nextId;
  step.emit({ kind: 'vm.object', object, size: alignUp(size, step.world.machine.pageSize), strategy });
  return object;
}

/** Maps a fresh anonymous object; evaluates to its address. `length` is page-aligned. */
export function mapAnonymous(
  step: Step,
  task: number,
  length: number,
  alignment: number,
  strategy: CopyStrategy,
  protection: Protection = 'read-write',
  fixed?: number,
): number {
  const object = makeObject(step, length, strategy);
  const address = fixed ?? roomFor(step.world, task, length, alignment);
  step.emit({ kind: 'vm.enter', task, address, length, object, offset: 0, protection });
  return address;
}

/** Ends the object, and what only it kept, if nothing refers to it any more. */
export function reap(step: Step, object: number): void {
  const state = step.world.objects.get(object);
  if (state === undefined || state.references > 0 || state.activity > 0) return;
  const { shadow } = state;
  step.emit({ kind: 'vm.terminate', object });
  if (shadow !== 0) reap(step, shadow);
}

/** Unmaps a page-aligned range and ends the objects that nothing else keeps. */
export function unmap(step: Step, task: number, address: number, length: number): void {
  const touched = step.world.tasks
    .get(task)!
    .entries.filter((entry) => entry.start < address + length && entry.end > address)
    .map((entry) => entry.object);
  step.emit({ kind: 'vm.remove', task, address, length });
  for (const object of new Set(touched)) reap(step, object);
}
