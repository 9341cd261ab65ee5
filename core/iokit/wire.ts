/** `IOMemoryDescriptor::prepare` and `complete`: wiring, page by page (facts §2.5, §4.3). */
import { actorName } from '../actors/threads.ts';
import {
  kIOReturnCannotWire,
  kIOReturnInternalError,
  kIOReturnNotWritable,
  kIOReturnSuccess,
  KERN_PROTECTION_FAILURE,
} from '../codes.ts';
import { entryAt, pageIn } from '../memory/fault.ts';
import { reap } from '../memory/space.ts';
import { act, now, refuse, type Program, type Step } from '../operation.ts';
import type { World } from '../world.ts';
import { pageAddress, pageCount, referredPage } from './pages.ts';
import { drop } from './references.ts';
import type { Descriptor, Direction } from './state.ts';

const writes = (direction: Direction): boolean => direction === 'in' || direction === 'in-out';

function descriptorOf(step: Step, id: number): Descriptor {
  step.look('descriptor', id);
  return step.world.descriptors.get(id)!;
}

/** Takes the lock that a thread-safe descriptor has; the others have none (facts §1.3). */
function* lock(id: number, threadSafe: boolean): Program {
  if (!threadSafe) return;
  yield* act('lock descriptor', 'kernel', (step) => step.emit({ kind: 'descriptor.lock', descriptor: id }), {
    on: ['descriptor', id],
    ready: (world) => world.descriptors.get(id)!.lockedBy === 0,
    waitsFor: (world) =>
      `the lock of descriptor #${id}, held by ${actorName(world, world.descriptors.get(id)!.lockedBy)}`,
  });
}

function* unlock(id: number, threadSafe: boolean): Program {
  if (threadSafe)
    yield* act('unlock descriptor', 'kernel', (step) => step.emit({ kind: 'descriptor.unlock', descriptor: id }));
}

/** Whether nothing keeps the task any more: it has ended, and the user clients that held it are stopped (facts §2.2). */
function isDangling(world: World, task: number): boolean {
  if (task === 0 || world.tasks.get(task)!.state !== 'gone') return false;
  return ![...world.connections.values()].some((held) => held.task === task && held.state !== 'stopped');
}

/** Wires one page for the direction: by memory reference where there is one, else by whatever is mapped at the address now (facts §2.2, §2.3). */
function wirePage(step: Step, id: number, index: number, direction: Direction): number {
  const { world } = step;
  const descriptor = descriptorOf(step, id);
  const write = writes(direction);
  let target: { object: number; page: number };
  if (descriptor.parts.length > 0) {
    target = referredPage(world, descriptor, index);
  } else {
    const address = pageAddress(world, descriptor, index)!;
    const entry = entryAt(world, descriptor.task, address);
    const code = entry === undefined ? kIOReturnCannotWire : KERN_PROTECTION_FAILURE;
    if (entry === undefined || (write && entry.protection !== 'read-write')) {
      if (isDangling(world, descriptor.task)) {
        const what = `descriptor #${id} was never resolved, and its process and user client are gone: a dangling task`;
        step.emit({ kind: 'unspecified', what });
      }
      step.emit({ kind: 'refuse', code, call: `wire of page ${index} of descriptor #${id}` });
      return code;
    }
    target = { object: entry.object, page: (entry.offset + address - entry.start) / world.machine.pageSize };
  }
  const frame = wireIn(step, target.object, target.page, write);
  step.emit({ kind: 'page.wire', frame, object: target.object, page: target.page, descriptor: id, index });
  return kIOReturnSuccess;
}

/** Missing pages are faulted into the top object; for a device that writes, an older snapshot gets its page first (facts §2.5 (3), (4)). */
function wireIn(step: Step, object: number, page: number, write: boolean): number {
  const own = step.world.objects.get(object)!.pages.get(page);
  return own !== undefined && !write ? own : pageIn(step, object, page, true);
}

/** Unwires page by page, the last first. */
function* unwirePages(id: number): Program {
  const pages = yield* now((step) => descriptorOf(step, id).wired.length);
  for (let index = pages - 1; index >= 0; index -= 1) {
    yield* act('unwire page', 'kernel', (step) => {
      const wired = descriptorOf(step, id).wired[index];
      if (wired === undefined) {
        // Another thread has unwired it: nothing locks a struct argument (facts §4.3, §10 (22)).
        step.emit({
          kind: 'refuse',
          code: kIOReturnInternalError,
          call: `unwire of page ${index} of descriptor #${id}`,
        });
        return;
      }
      const { frame, object, page } = wired;
      step.emit({ kind: 'page.unwire', frame, object, page, descriptor: id, index });
      reap(step, object);
    });
  }
}

/**
 * Wires the whole descriptor, or counts one more wire. `asked` overrides the descriptor's own direction unless it is
 * none. A Sub hands it on and wires all of what it stands on; a Multi asks for its own direction (facts §4.6
 * "Direction upgrade"). Evaluates to a return code.
 */
export function* prepare(id: number, asked: Direction = 'none'): Program<number> {
  const { type, children, ...descriptor } = yield* now((step) => {
    const found = descriptorOf(step, id);
    return { ...found, pages: pageCount(step.world, found) };
  });
  if (type === 'sub') return yield* prepare(children[0]!, asked);
  const direction = asked === 'none' ? descriptor.direction : asked;
  if (type === 'multi') return yield* prepareAll(children, direction);
  const { threadSafe, pages } = descriptor;
  yield* lock(id, threadSafe);
  const { wireCount, wireDirection } = yield* now((step) => ({ ...descriptorOf(step, id) }));
  let code: number = kIOReturnSuccess;
  if (wireCount > 0) {
    if (writes(direction) && !writes(wireDirection)) code = yield* refuse('prepare', kIOReturnNotWritable);
  } else {
    for (let index = 0; index < pages && code === kIOReturnSuccess; index += 1) {
      code = yield* act('wire page', 'fault', (step) => wirePage(step, id, index, direction));
    }
    if (code !== kIOReturnSuccess) yield* unwirePages(id);
  }
  if (code === kIOReturnSuccess) {
    yield* act('count wire', 'kernel', (step) => step.emit({ kind: 'descriptor.wire', descriptor: id, direction }));
  }
  yield* unlock(id, threadSafe);
  return code;
}

/** Prepares one after the other; when one fails, completes those before it. */
function* prepareAll(ids: readonly number[], direction: Direction): Program<number> {
  for (const [index, id] of ids.entries()) {
    const code = yield* prepare(id, direction);
    if (code === kIOReturnSuccess) continue;
    for (const earlier of ids.slice(0, index)) yield* complete(earlier);
    return code;
  }
  return kIOReturnSuccess;
}

/** Takes one wire back; the last one ends a shared IOMMU mapping and unwires the pages. */
export function* complete(id: number): Program {
  const { threadSafe, children } = yield* now((step) => descriptorOf(step, id));
  if (children.length > 0) {
    for (const child of children) yield* complete(child);
    return;
  }
  yield* lock(id, threadSafe);
  const { last, iova } = yield* act('count wire', 'kernel', (step) => {
    step.emit({ kind: 'descriptor.unwire', descriptor: id });
    const { wireCount, sharedIova } = descriptorOf(step, id);
    return { last: wireCount === 0, iova: sharedIova };
  });
  if (last) {
    if (iova !== 0) yield* releaseIova(id, iova);
    yield* unwirePages(id);
  }
  yield* unlock(id, threadSafe);
}

/** Takes a range of bus addresses out of the IOMMU, a page at a time, and gives it back. */
export function* releaseIova(descriptor: number, address: number): Program {
  const { pageSize, end } = yield* now((step) => ({
    pageSize: step.world.machine.pageSize,
    // Gone when another thread was faster: nothing locks a struct argument (facts §10 (22)).
    end: step.world.iovas.find((range) => range.start === address)?.end ?? address,
  }));
  for (let page = address; page < end; page += pageSize) {
    yield* act('iommu unmap', 'kernel', (step) => {
      step.emit({ kind: 'iommu.unmap', address: page });
      if (page + pageSize >= end) step.emit({ kind: 'iova.free', address, descriptor });
    });
  }
}

/** Takes a reference of a descriptor back; the last one undoes its wires and lets go of its memory and of what it stands on. */
export function* releaseDescriptor(id: number, what = 'object'): Program {
  if (!(yield* drop(id, what))) return;
  const { wireCount, parts, children } = yield* now((step) => descriptorOf(step, id));
  for (let wires = wireCount; wires > 0; wires -= 1) yield* complete(id);
  yield* act('free', 'kernel', (step) => {
    step.emit({ kind: 'object.free', object: id });
    for (const part of parts) {
      if (part.snapshot !== 0) reap(step, part.snapshot);
      reap(step, part.object);
    }
  });
  for (const child of children) yield* releaseDescriptor(child);
}
