/** Memory descriptors: made lazily, pinned and snapshot by their first mapping (facts §1.3, §2). */
import { kIOReturnError, kIOReturnSuccess } from '../codes.ts';
import { copyPage, entryAt } from '../memory/fault.ts';
import { nextContiguousFrame } from '../memory/frames.ts';
import { makeObject, roomFor } from '../memory/space.ts';
import { act, now, refuse, type Program, type Step } from '../operation.ts';
import { alignDown, alignUp, GiB } from '../units.ts';
import type { World } from '../world.ts';
import type { Descriptor, descriptorTypes, Direction, Range, ReferencePart } from './state.ts';

export interface DescriptorSpec {
  readonly type: (typeof descriptorTypes)[number];
  readonly task: number;
  readonly ranges: readonly Range[];
  readonly direction: Direction;
  readonly copyOnWrite: boolean;
  readonly threadSafe: boolean;
}

/** A range that covers more than this is refused: more pages than the machine has (facts §1.3). */
const physicalMemory = 64 * GiB;
/** User addresses end here. */
const highest = 2 ** 47;

/** `withAddressRange`: evaluates to the descriptor's number, or to 0 (NULL) for a range that cannot be (facts §1.3). */
export function createDescriptor(step: Step, spec: DescriptorSpec): number {
  if (spec.ranges.some((r) => r.length > physicalMemory || r.address + r.length > highest)) return 0;
  const { type, task, direction, copyOnWrite, threadSafe, ranges } = spec;
  const descriptor = step.world.nextId;
  step.emit({ kind: 'descriptor.create', descriptor, type, task, direction, copyOnWrite, threadSafe });
  for (const { address, length } of ranges) step.emit({ kind: 'descriptor.range', descriptor, address, length });
  return descriptor;
}

/** Walks a range of the descriptor's task; nothing when some of it is not mapped. */
function partsOf(step: Step, descriptor: Descriptor): Omit<ReferencePart, 'snapshot'>[] | undefined {
  const { pageSize } = step.world.machine;
  const parts: Omit<ReferencePart, 'snapshot'>[] = [];
  for (const range of descriptor.ranges) {
    const end = alignUp(range.address + range.length, pageSize);
    for (let at = alignDown(range.address, pageSize); at < end;) {
      const entry = entryAt(step.world, descriptor.task, at);
      if (entry === undefined) return undefined;
      const stop = Math.min(end, entry.end);
      parts.push({ object: entry.object, offset: entry.offset + (at - entry.start), length: stop - at });
      at = stop;
    }
  }
  return parts;
}

/** Whether a mapping can write into the object: then it can be no other descriptor's snapshot. */
function writable(world: World, snapshot: number): boolean {
  return [...world.descriptors.values()].some(
    ({ direction, parts }) => direction !== 'out' && parts.some((part) => part.snapshot === snapshot),
  );
}

/** Snapshots a part by delayed copy, or says that it must be copied eagerly (facts §2.6). */
function snapshotNow(step: Step, id: number, index: number): boolean {
  const { world } = step;
  const { direction, parts } = world.descriptors.get(id)!;
  const part = parts[index]!;
  const source = world.objects.get(part.object)!;
  const end = (part.offset + part.length) / world.machine.pageSize;
  const wired = [...source.pages].some(([page, frame]) => page < end && world.frames.get(frame)!.wires > 0);
  if (source.strategy === 'delay-fork' || wired) return false;
  const copy = world.objects.get(source.copy);
  if (direction === 'out' && copy !== undefined && copy.pages.size === 0 && !writable(world, copy.id)) {
    step.emit({ kind: 'descriptor.snapshot', descriptor: id, index, object: copy.id, mechanism: 'reused' });
    return true;
  }
  const object = makeObject(step, source.size, 'delay');
  step.emit({ kind: 'vm.copy', object: source.id, copy: object });
  step.emit({ kind: 'descriptor.snapshot', descriptor: id, index, object, mechanism: 'delayed' });
  return true;
}

/** Copies a part page by page; other threads can write in between, so the copy may be torn across pages (facts §2.6). */
function* snapshotEagerly(id: number, index: number): Program {
  const { part, pageSize } = yield* now((step) => ({
    part: { ...step.world.descriptors.get(id)!.parts[index]! },
    pageSize: step.world.machine.pageSize,
  }));
  const first = part.offset / pageSize;
  const last = first + part.length / pageSize - 1;
  let copy = 0;
  for (let page = first; page <= last; page += 1) {
    yield* act('copy page', 'fault', (step) => {
      if (copy === 0) copy = makeObject(step, step.world.objects.get(part.object)!.size, 'delay');
      copyPage(step, part.object, copy, page);
      if (page === last) {
        step.emit({ kind: 'descriptor.snapshot', descriptor: id, index, object: copy, mechanism: 'eager' });
      }
    });
  }
}

/**
 * Makes the memory reference, once: pins the VM objects behind the ranges and, for a
 * copy-on-write descriptor, snapshots them (facts §2.3). Evaluates to a return code.
 */
function* resolve(id: number): Program<number> {
  const done = yield* now((step) => step.world.descriptors.get(id)!.parts.length > 0);
  if (!done) {
    const eager = yield* act('resolve', 'fault', (step): number[] | undefined => {
      const descriptor = step.world.descriptors.get(id)!;
      if (descriptor.parts.length > 0) {
        // Another thread was faster: its reference counts (facts §2.3 "once").
        step.emit({ kind: 'refuse', code: kIOReturnSuccess, call: `resolve of descriptor #${id}` });
        return [];
      }
      const parts = partsOf(step, descriptor);
      if (parts === undefined) {
        step.emit({ kind: 'refuse', code: kIOReturnError, call: `CreateMapping of descriptor #${id}` });
        return undefined;
      }
      for (const part of parts) step.emit({ kind: 'descriptor.refer', descriptor: id, ...part });
      return descriptor.copyOnWrite
        ? parts.map((_, index) => index).filter((index) => !snapshotNow(step, id, index))
        : [];
    });
    if (eager === undefined) return kIOReturnError;
    for (const index of eager) yield* snapshotEagerly(id, index);
  }
  return kIOReturnSuccess;
}

/** Pages of the descriptor between two borders that do not fit together cannot be mapped in a row (facts §5.1). */
function contiguous(descriptor: Descriptor, pageSize: number): boolean {
  return descriptor.ranges.every(
    (range, i) =>
      (i === 0 || range.address % pageSize === 0) &&
      (i === descriptor.ranges.length - 1 || (range.address + range.length) % pageSize === 0),
  );
}

/** A mapping made by {@link createMapping}. */
export interface Mapped {
  readonly mapping: number;
  readonly address: number;
  readonly length: number;
}

/**
 * `IOMemoryDescriptor::CreateMapping` (facts §5.1): length 0 is the full length; every failure is `kIOReturnError`.
 * What appears is the snapshot of a copy-on-write descriptor, else the live memory; read-only for direction out.
 */
export function* createMapping(
  id: number,
  task: number,
  offset: number,
  length: number,
): Program<[code: number, mapped: Mapped | undefined]> {
  const { fits, total } = yield* now((step) => {
    const descriptor = step.world.descriptors.get(id)!;
    const full = length === 0 ? descriptor.length : length;
    const within = full > 0 && offset + full <= descriptor.length;
    return { fits: within && contiguous(descriptor, step.world.machine.pageSize), total: full };
  });
  if (!fits) return [yield* refuse('CreateMapping', kIOReturnError), undefined];
  const code = yield* resolve(id);
  if (code !== kIOReturnSuccess) return [code, undefined];
  const mapped = yield* act('map', 'kernel', (step) => enter(step, id, task, offset, total), {
    ready: (world) => {
      const descriptor = world.descriptors.get(id)!;
      return !descriptor.copyOnWrite || descriptor.parts.every((part) => part.snapshot !== 0);
    },
    waitsFor: () => `the snapshot of descriptor #${id}`,
  });
  return [kIOReturnSuccess, mapped];
}

/** Maps the pages of `[offset, offset + length)`, with an unused page before them (facts §5.1 "guard page"). */
function enter(step: Step, id: number, task: number, offset: number, length: number): Mapped {
  const { world } = step;
  const { pageSize } = world.machine;
  const descriptor = world.descriptors.get(id)!;
  const own = descriptor.type === 'buffer';
  const protection = descriptor.direction === 'out' && !own ? 'read' : 'read-write';
  const lead = descriptor.ranges[0]!.address % pageSize;
  const from = alignDown(lead + offset, pageSize);
  const to = alignUp(lead + offset + length, pageSize);
  const base = roomFor(world, task, to - from + pageSize, pageSize) + pageSize;
  let at = 0;
  for (const part of descriptor.parts) {
    const start = Math.max(from, at);
    const end = Math.min(to, at + part.length);
    if (start < end) {
      const object = part.snapshot === 0 ? part.object : part.snapshot;
      const address = base + (start - from);
      step.emit({
        kind: 'vm.enter',
        task,
        address,
        length: end - start,
        object,
        offset: part.offset + (start - at),
        protection,
      });
    }
    at += part.length;
  }
  const mapping = world.nextId;
  const address = base + lead + offset - from;
  step.emit({ kind: 'mapping.create', mapping, descriptor: id, task, address, length });
  step.emit({ kind: 'object.retain', object: id });
  return { mapping, address, length };
}

/**
 * Makes a kernel buffer of zeroed pages; evaluates to the descriptor's number. An alignment above
 * the page size makes it physically contiguous (facts §5.2).
 */
export function createBuffer(step: Step, capacity: number, direction: Direction, alignment: number): number {
  const { pageSize } = step.world.machine;
  const size = alignUp(capacity, pageSize);
  const object = makeObject(step, size, 'delay');
  const resident = alignment > pageSize ? size / pageSize : 0;
  for (let page = 0; page < resident; page += 1) {
    step.emit({ kind: 'page.zero', object, page, frame: nextContiguousFrame(step.world) });
  }
  const descriptor = createDescriptor(step, {
    type: 'buffer',
    task: 0,
    ranges: [{ address: 0, length: capacity }],
    direction,
    copyOnWrite: false,
    threadSafe: true,
  });
  step.emit({ kind: 'descriptor.refer', descriptor, object, offset: 0, length: size });
  return descriptor;
}
