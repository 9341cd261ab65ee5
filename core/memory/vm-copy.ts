/**
 * `vm_copy`: memory is copied within a process, on write where that can be (facts §2.6, §9; xnu vm_map.c
 * vm_map_copyin_internal 12090, vm_map_copy_overwrite_aligned 10776).
 */
import { KERN_INVALID_ADDRESS, KERN_PROTECTION_FAILURE, kIOReturnSuccess } from '../codes.ts';
import { act, inKernel, refuse, type Program, type Step } from '../operation.ts';
import { alignDown, alignUp, KiB } from '../units.ts';
import type { World } from '../world.ts';
import { canDelay, copyLater } from './copies.ts';
import { copyPage, entryAt, pageIn } from './fault.ts';
import { makeObject, reap, unmap } from './space.ts';
import type { MapEntry } from './state.ts';

/** Up to this size the kernel takes the bytes at once (osfmk/kern/kalloc.h KHEAP_MAX_SIZE). */
const smallCopy = 32 * KiB;

/** The copy of a range of the source. */
interface Piece {
  /** In the source; whole pages. */
  readonly start: number;
  readonly end: number;
  readonly object: number;
  /** Where `start` lies in the object. */
  readonly offset: number;
  /** The object that its pages must still be copied from; 0 when they are copied on write. */
  readonly from: number;
}

/**
 * Copies `size` bytes; what is written to the source meanwhile is seen where a page of it was wired, or the copy is small.
 * A destination of whole pages is replaced, unless it is shared, wired, or pinned by a descriptor: then the bytes go into
 * its pages. Evaluates to `KERN_INVALID_ADDRESS` where nothing is mapped, `KERN_PROTECTION_FAILURE` against the protection.
 */
export function* vm_copy(source: number, size: number, destination: number): Program<number> {
  if (size === 0) return yield* refuse('vm_copy', kIOReturnSuccess);
  return yield* inKernel(copy(source, size, destination));
}

function* copy(source: number, size: number, destination: number): Program<number> {
  const taken = yield* act('vm_copy', 'syscall', (step) => copyIn(step, source, size));
  if (typeof taken === 'number') return taken;
  const { pieces, pageSize } = taken;
  for (const { start, end, object, offset, from } of pieces) {
    if (from === 0) continue;
    for (let page = offset / pageSize; page < (offset + end - start) / pageSize; page += 1)
      yield* act('copy page', 'fault', (step) => copyPage(step, from, object, page));
  }
  const code = yield* overwrite(pieces, source, size, destination);
  yield* act('vm_copy', 'kernel', (step) => {
    for (const { object, from } of pieces) {
      letGo(step, object);
      if (from !== 0) letGo(step, from);
    }
  });
  return code;
}

function* overwrite(pieces: readonly Piece[], source: number, size: number, destination: number): Program<number> {
  for (let done = 0; done < size;) {
    const { code, bytes } = yield* act('vm_copy', 'copy', (step) => {
      // All of it before the first byte moves, then whether that is still so.
      const wanted = done === 0 ? size : 1;
      const refused = accessible(step.world, taskOf(step), destination + done, wanted, 'read-write');
      if (refused === kIOReturnSuccess)
        return { code: refused, bytes: put(step, pieces, source, size, destination, done) };
      step.emit({ kind: 'refuse', code: refused, call: 'vm_copy' });
      return { code: refused, bytes: 0 };
    });
    if (code !== kIOReturnSuccess) return code;
    done += bytes;
  }
  return kIOReturnSuccess;
}

const taskOf = (step: Step): number => step.world.actors.get(step.actor)!.task;

/** Why a range cannot be read, or written. */
function accessible(
  world: World,
  task: number,
  address: number,
  length: number,
  protection: 'read' | 'read-write',
): number {
  for (let at = address; at < address + length;) {
    const entry = entryAt(world, task, at);
    if (entry === undefined) return KERN_INVALID_ADDRESS;
    if (entry.protection === 'none' || (protection === 'read-write' && entry.protection === 'read'))
      return KERN_PROTECTION_FAILURE;
    at = entry.end;
  }
  return kIOReturnSuccess;
}

/** Takes the source, range by range, on write where it can; evaluates to the pieces, or to a code. */
function copyIn(step: Step, source: number, size: number): { pieces: Piece[]; pageSize: number } | number {
  const { world } = step;
  const { pageSize } = world.machine;
  const task = taskOf(step);
  const code = accessible(world, task, source, size, 'read');
  if (code !== kIOReturnSuccess) {
    step.emit({ kind: 'refuse', code, call: 'vm_copy' });
    return code;
  }
  const pieces: Piece[] = [];
  const last = alignUp(source + size, pageSize);
  for (let start = alignDown(source, pageSize); start < last;) {
    const entry = entryAt(world, task, start)!;
    const end = Math.min(entry.end, last);
    const offset = entry.offset + (start - entry.start);
    const from = world.objects.get(entry.object)!;
    const delayed = size > smallCopy && canDelay(world, from, (offset + end - start) / pageSize);
    const object = delayed ? copyLater(step, from) : makeObject(step, from.size, 'delay');
    step.emit({ kind: 'vm.hold', task, object });
    if (!delayed) step.emit({ kind: 'vm.hold', task, object: from.id });
    pieces.push({ start, end, object, offset, from: delayed ? 0 : from.id });
    start = end;
  }
  return { pieces, pageSize };
}

/** Puts the next bytes in place; evaluates to how many. */
function put(
  step: Step,
  pieces: readonly Piece[],
  source: number,
  size: number,
  destination: number,
  done: number,
): number {
  const { world } = step;
  const { pageSize } = world.machine;
  const [from, to, rest] = [source + done, destination + done, size - done];
  const task = taskOf(step);
  const entry = entryAt(world, task, to)!;
  const { object, offset, start, end } = pieces.find((piece) => from >= piece.start && from < piece.end)!;
  const at = offset + (from - start);
  const whole = [source, size, destination].every((value) => value % pageSize === 0);
  if (whole && isReplaceable(world, entry)) {
    const length = Math.min(rest, end - from, entry.end - to);
    unmap(step, task, to, length);
    step.emit({ kind: 'vm.enter', task, address: to, length, object, offset: at, protection: entry.protection });
    return length;
  }
  const into = entry.offset + (to - entry.start);
  const length = Math.min(rest, pageSize - (at % pageSize), pageSize - (into % pageSize));
  const seen = pageIn(step, object, Math.floor(at / pageSize), false);
  const own = pageIn(step, entry.object, Math.floor(into / pageSize), true);
  step.emit({
    kind: 'memory.copy',
    from: seen * pageSize + (at % pageSize),
    to: own * pageSize + (into % pageSize),
    length,
  });
  return length;
}

/** Whether nobody but the process sees the memory of an entry, so that other memory may take its place. */
function isReplaceable({ objects, descriptors }: World, { object, shared }: MapEntry): boolean {
  const { strategy, activity } = objects.get(object)!;
  if (shared || strategy !== 'delay' || activity > 0) return false;
  return ![...descriptors.values()].some(({ parts }) => parts.some((part) => part.object === object));
}

function letGo(step: Step, object: number): void {
  step.emit({ kind: 'vm.release', task: taskOf(step), object });
  reap(step, object);
}
