/** Page faults and copy-on-write (facts §2.5, §2.6). All of it happens inside the step of whoever faults. */
import { Crash, type Step } from '../operation.ts';
import { hex } from '../units.ts';
import type { World } from '../world.ts';
import { nextFrame } from './frames.ts';
import type { MapEntry, VmObject } from './state.ts';

/** The map entry that holds `address`, by bisection. */
export function entryAt(world: World, task: number, address: number): MapEntry | undefined {
  const { entries } = world.tasks.get(task)!;
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.end <= address) low = middle + 1;
    else high = middle;
  }
  const entry = entries[low];
  return entry !== undefined && entry.start <= address ? entry : undefined;
}

/** The frame that a reader of the object's page sees, and whether the object owns it itself. */
export function lookup(world: World, objectId: number, page: number): { frame: number; own: boolean } | undefined {
  let id = objectId;
  while (id !== 0) {
    const object: VmObject = world.objects.get(id)!;
    const frame = object.pages.get(page);
    if (frame !== undefined) return { frame, own: id === objectId };
    id = object.shadow;
  }
  return undefined;
}

/** {@link lookup}, after a page that is swapped out has been brought in. */
export function bringIn(step: Step, objectId: number, page: number): ReturnType<typeof lookup> {
  for (let id = objectId; id !== 0;) {
    const object = step.world.objects.get(id)!;
    if (object.pages.has(page)) break;
    if (object.swapped.has(page)) {
      step.emit({ kind: 'page.swap-in', object: id, page, frame: nextFrame(step.world) });
      break;
    }
    id = object.shadow;
  }
  return lookup(step.world, objectId, page);
}

/** Gives the object a frame of its own for the page, with the contents a reader sees now. */
function materialise(step: Step, object: number, page: number, reason: 'take' | 'push' | 'eager'): number {
  const seen = bringIn(step, object, page);
  if (seen?.own === true) return seen.frame;
  const frame = nextFrame(step.world);
  if (seen === undefined) step.emit({ kind: 'page.zero', object, page, frame });
  else step.emit({ kind: 'page.copy', object, page, frame, from: seen.frame, reason });
  return frame;
}

/** Copies the page into an eager snapshot (facts §2.6, vm_object_copy_slowly). */
export function copyPage(step: Step, from: number, to: number, page: number): void {
  const seen = bringIn(step, from, page);
  const frame = nextFrame(step.world);
  if (seen === undefined) step.emit({ kind: 'page.zero', object: to, page, frame });
  else step.emit({ kind: 'page.copy', object: to, page, frame, from: seen.frame, reason: 'eager' });
}

/**
 * Makes the object's page resident; for a writer, in a frame that no snapshot still
 * depends on: the old contents are first pushed into the newest copy (facts §2.5 (4)).
 */
export function pageIn(step: Step, objectId: number, page: number, write: boolean): number {
  if (!write) return bringIn(step, objectId, page)?.frame ?? materialise(step, objectId, page, 'take');
  const frame = materialise(step, objectId, page, 'take');
  const { copy } = step.world.objects.get(objectId)!;
  if (copy !== 0) materialise(step, copy, page, 'push');
  return frame;
}

/** Whether a write to the page needs no fault: the object owns it and no snapshot still reads it. */
function writableInPlace(world: World, objectId: number, page: number): boolean {
  const object = world.objects.get(objectId)!;
  if (!object.pages.has(page)) return false;
  if (object.copy === 0) return true;
  const { pages, swapped } = world.objects.get(object.copy)!;
  return pages.has(page) || swapped.has(page);
}

/**
 * Resolves one CPU fault of the task at `address`.
 * @throws {Crash} SIGSEGV where nothing is mapped, SIGBUS against the protection
 */
function fault(step: Step, task: number, address: number, write: boolean): void {
  const { world } = step;
  const entry = entryAt(world, task, address);
  const verb = write ? 'write' : 'read';
  if (entry === undefined) throw new Crash(`SIGSEGV: ${verb} at ${hex(address)}, where nothing is mapped`);
  if (entry.protection === 'none' || (write && entry.protection === 'read')) {
    throw new Crash(`SIGBUS: ${verb} at ${hex(address)}, which is mapped with protection ${entry.protection}`);
  }
  const { pageSize } = world.machine;
  const base = address - (address % pageSize);
  const page = (entry.offset + (base - entry.start)) / pageSize;
  const frame = pageIn(step, entry.object, page, write);
  // A page that may be dropped must show when it is written.
  const shows = write || !world.frames.get(frame)!.discardable;
  const writable = shows && entry.protection === 'read-write' && writableInPlace(world, entry.object, page);
  step.emit({ kind: 'page.enter', task, address: base, frame, writable });
}

/**
 * Makes every page of the range accessible to the task, faulting where needed.
 * @throws {Crash} as {@link fault}
 */
export function touchPages(step: Step, task: number, address: number, length: number, write: boolean): void {
  const { pageSize } = step.world.machine;
  const { translations } = step.world.tasks.get(task)!;
  const last = Math.floor((address + length - 1) / pageSize);
  for (let page = Math.floor(address / pageSize); page <= last; page += 1) {
    const translation = translations.get(page);
    if (translation === undefined || (write && !translation.writable)) {
      fault(step, task, Math.max(address, page * pageSize), write);
    }
  }
}
