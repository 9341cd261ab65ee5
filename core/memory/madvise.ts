/** `madvise` (facts §9; xnu bsd/kern/kern_mman.c, osfmk/vm/vm_map.c vm_map_behavior_set 16529, vm_map_msync 20900). */
import { EINVAL } from '../codes.ts';
import { act, type Act, type Step } from '../operation.ts';
import { alignDown, alignUp } from '../units.ts';
import { entryAt } from './fault.ts';
import { isMapped } from './space.ts';
import { advices } from './state.ts';

export const MADV_NORMAL = 0;
export const MADV_RANDOM = 1;
export const MADV_SEQUENTIAL = 2;
export const MADV_WILLNEED = 3;
export const MADV_DONTNEED = 4;
export const MADV_FREE = 5;

/**
 * Says how the pages that a range touches will be used. Only {@link MADV_FREE} means anything here: the pages may be dropped
 * under memory pressure, and are zero then, unless they are wired, written before that, or snapshot. Evaluates to 0, or
 * `EINVAL` when something in the range is not mapped.
 */
export function madvise(address: number, length: number, advice: number): Act<number> {
  const name = advices[advice];
  if (name === undefined) throw new RangeError(`madvise: advice ${String(advice)} is not modelled`);
  return act('madvise', 'syscall', (step) => {
    const { world, actor } = step;
    const { pageSize } = world.machine;
    const { task } = world.actors.get(actor)!;
    const start = alignDown(address, pageSize);
    const end = alignUp(address + length, pageSize);
    step.emit({ kind: 'vm.advise', task, address: start, length: end - start, advice: name });
    if (advice === MADV_FREE) free(step, task, start, end);
    if (isMapped(world, task, start, end - start)) return 0;
    step.emit({ kind: 'refuse', code: EINVAL, call: 'madvise' });
    return EINVAL;
  });
}

/** Marks the pages up to the first hole; those of an object that is a copy, or has one, stay (VMM:20995-21008). */
function free(step: Step, task: number, start: number, end: number): void {
  const { world } = step;
  const { pageSize } = world.machine;
  for (let at = start; at < end; at += pageSize) {
    const entry = entryAt(world, task, at);
    if (entry === undefined) return;
    const { id: object, pages, swapped, copy, shadow } = world.objects.get(entry.object)!;
    if (copy !== 0 || shadow !== 0) continue;
    const page = (entry.offset + (at - entry.start)) / pageSize;
    const frame = world.frames.get(pages.get(page) ?? -1);
    if (frame?.wires === 0) step.emit({ kind: 'page.free', object, page, frame: frame.number });
    if (swapped.has(page)) step.emit({ kind: 'page.drop', object, page, frame: 0 });
  }
}
