/**
 * The app's heap, as far as it matters to DMA (facts §2.6, §9): which blocks have
 * a VM object of their own, and that a freed block goes to the next taker as it is.
 */
import { act, Crash, refuse, type Act, type Program, type Step } from '../operation.ts';
import { EINVAL } from '../codes.ts';
import { alignUp, hex, KiB, MiB } from '../units.ts';
import { mapAnonymous } from './space.ts';

/**
 * From this size on a block has its own VM object and is snapshot by true copy-on-write;
 * below it lies in a zone that is copied eagerly (facts §2.6; where exactly macOS
 * draws the line depends on its release and only moves the cost).
 */
export const largeBlock: number = 32 * KiB;

/** Bytes of a zone's region. */
const zoneSize = 1 * MiB;
/** Every block is a multiple of this. */
const quantum = 16;

function allocate(step: Step, size: number, alignment: number): number {
  const { world } = step;
  const task = world.actors.get(step.actor)!.task;
  const { heap } = world.tasks.get(task)!;
  const large = size >= largeBlock || alignment >= world.machine.pageSize;
  const capacity = alignUp(Math.max(size, 1), large ? world.machine.pageSize : quantum);
  const newest = heap.free.get(capacity)?.at(-1);
  if (newest !== undefined && newest % alignment === 0) {
    step.emit({ kind: 'heap.allocate', address: newest, size, capacity, alignment, reused: true });
    return newest;
  }
  let address: number;
  if (large) {
    address = mapAnonymous(step, task, capacity, Math.max(alignment, world.machine.pageSize), 'delay');
  } else {
    if (alignUp(heap.zoneNext, alignment) + capacity > heap.zoneEnd) {
      const strategy = world.machine.mallocZones === 'eager' ? 'delay-fork' : 'delay';
      const zone = mapAnonymous(step, task, zoneSize, world.machine.pageSize, strategy);
      step.emit({ kind: 'heap.zone', address: zone, length: zoneSize });
    }
    address = alignUp(heap.zoneNext, alignment);
  }
  step.emit({ kind: 'heap.allocate', address, size, capacity, alignment, reused: false });
  return address;
}

/** @throws {RangeError} when a scenario asks for something that is no size */
function checkSize(what: string, size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`${what}: ${String(size)} is no size in bytes`);
}

/** `malloc`: evaluates to the address. */
export function malloc(size: number): Act<number> {
  checkSize('malloc', size);
  return act('malloc', 'cpu', (step) => allocate(step, size, quantum));
}

/** `posix_memalign`: evaluates to `[0, address]`, or `[EINVAL, 0]` unless the alignment is a power of two of at least 8. */
export function* posix_memalign(alignment: number, size: number): Program<[code: number, address: number]> {
  checkSize('posix_memalign', size);
  if (alignment < 8 || Math.log2(alignment) % 1 !== 0) return [yield* refuse('posix_memalign', EINVAL), 0];
  return [0, yield* act('posix_memalign', 'cpu', (step) => allocate(step, size, Math.max(alignment, quantum)))];
}

/** `free`: the block is the next taker's, its pages stay mapped. Freeing what is no block aborts the process. */
export function* free(address: number): Program {
  if (address === 0) return;
  yield* act('free', 'cpu', (step) => {
    const task = step.world.actors.get(step.actor)!.task;
    if (!step.world.tasks.get(task)!.heap.blocks.has(address)) {
      throw new Crash(`SIGABRT: free of ${hex(address)}, which is no allocated block`);
    }
    step.emit({ kind: 'heap.free', address });
  });
}
