/** `mmap` and `munmap` of anonymous memory. */
import { EINVAL } from '../codes.ts';
import { act, now, refuse, type Act, type Program } from '../operation.ts';
import { alignUp, hex } from '../units.ts';
import { mapAnonymous, unmap } from './space.ts';

/** Maps zeroed memory; evaluates to its address. With `fixed`, exactly there, replacing what was mapped (`MAP_FIXED`). */
export function mmap(length: number, fixed?: number): Act<number> {
  if (!Number.isSafeInteger(length) || length <= 0)
    throw new RangeError(`mmap: ${String(length)} is no length in bytes`);
  return act('mmap', 'syscall', (step) => {
    const { pageSize } = step.world.machine;
    const task = step.world.actors.get(step.actor)!.task;
    const size = alignUp(length, pageSize);
    if (fixed !== undefined && fixed % pageSize !== 0) throw new RangeError(`mmap: ${hex(fixed)} is not page-aligned`);
    if (fixed !== undefined) unmap(step, task, fixed, size);
    return mapAnonymous(step, task, size, pageSize, 'delay', 'read-write', fixed);
  });
}

/** Unmaps the pages of a range; evaluates to 0, or `EINVAL` when the address is not page-aligned. */
export function* munmap(address: number, length: number): Program<number> {
  const { pageSize, task } = yield* now((step) => ({
    pageSize: step.world.machine.pageSize,
    task: step.world.actors.get(step.actor)!.task,
  }));
  if (address % pageSize !== 0 || length <= 0) return yield* refuse('munmap', EINVAL);
  yield* act('munmap', 'syscall', (step) => unmap(step, task, address, alignUp(length, pageSize)));
  return 0;
}
