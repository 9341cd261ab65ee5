/** `mmap`, `munmap` and `mprotect` of anonymous memory. */
import { EINVAL, ENOMEM } from '../codes.ts';
import { act, now, refuse, type Act, type Program } from '../operation.ts';
import { alignUp, hex } from '../units.ts';
import { MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE, protectionOf } from './protection.ts';
import { isMapped, mapAnonymous, unmap } from './space.ts';

/**
 * Maps zeroed memory; evaluates to its address. With `fixed`, exactly there, replacing what was mapped (`MAP_FIXED`).
 * `MAP_SHARED` memory is shared with the children of `fork`, other memory is copied for them.
 */
export function mmap(
  length: number,
  fixed?: number,
  protection: number = PROT_READ | PROT_WRITE,
  flags: number = MAP_PRIVATE,
): Act<number> {
  if (!Number.isSafeInteger(length) || length <= 0)
    throw new RangeError(`mmap: ${String(length)} is no length in bytes`);
  return act('mmap', 'syscall', (step) => {
    const { pageSize } = step.world.machine;
    const task = step.world.actors.get(step.actor)!.task;
    const size = alignUp(length, pageSize);
    if (fixed !== undefined && fixed % pageSize !== 0) throw new RangeError(`mmap: ${hex(fixed)} is not page-aligned`);
    if (fixed !== undefined) unmap(step, task, fixed, size);
    const address = mapAnonymous(step, task, size, pageSize, 'delay', protectionOf(protection), fixed);
    if ((flags & MAP_SHARED) !== 0) step.emit({ kind: 'vm.share', task, address, length: size });
    return address;
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

/**
 * Changes what the CPU may do with the pages of a range; DMA that is prepared goes on (facts §9). Evaluates to 0,
 * `EINVAL` when the address is not page-aligned, or `ENOMEM` when something in the range is not mapped.
 */
export function mprotect(address: number, length: number, protection: number): Act<number> {
  return act('mprotect', 'syscall', (step) => {
    const { pageSize } = step.world.machine;
    const task = step.world.actors.get(step.actor)!.task;
    const size = alignUp(length, pageSize);
    const bad = address % pageSize !== 0 ? EINVAL : isMapped(step.world, task, address, size) ? 0 : ENOMEM;
    if (bad === 0) step.emit({ kind: 'vm.protect', task, address, length: size, protection: protectionOf(protection) });
    else step.emit({ kind: 'refuse', code: bad, call: 'mprotect' });
    return bad;
  });
}
