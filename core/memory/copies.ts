/** Copies of VM objects, now or on write (facts §2.6; xnu vm_map_copyin_internal, vm_object_copy_strategically). */
import type { Step } from '../operation.ts';
import type { World } from '../world.ts';
import { makeObject } from './space.ts';
import type { VmObject } from './state.ts';

/** Whether the pages of an object below `end` can be copied on write; else they are copied now, page by page. */
export function canDelay({ frames }: World, { strategy, pages }: VmObject, end: number): boolean {
  return strategy === 'delay' && ![...pages].some(([page, frame]) => page < end && frames.get(frame)!.wires > 0);
}

/** Begins a copy on write; evaluates to the object that shows the contents as of now. */
export function copyLater(step: Step, source: VmObject): number {
  const copy = makeObject(step, source.size, 'delay');
  step.emit({ kind: 'vm.copy', object: source.id, copy });
  return copy;
}
