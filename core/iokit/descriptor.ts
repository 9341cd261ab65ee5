/** Memory descriptors: made lazily, pinned and snapshot by their first mapping (facts §1.3, §2.1 to §2.4). */
import { kIOReturnError, kIOReturnSuccess } from '../codes.ts';
import { canDelay, copyLater } from '../memory/copies.ts';
import { copyPage, entryAt } from '../memory/fault.ts';
import { nextContiguousFrame } from '../memory/frames.ts';
import { isFree, makeObject, roomFor } from '../memory/space.ts';
import { act, now, refuse, type Operation, type Program, type Step } from '../operation.ts';
import { alignDown, alignUp, GiB } from '../units.ts';
import type { World } from '../world.ts';
import { makeMapping, shareMapping, underneath, type Mapped, type MapRequest } from './mappings.ts';
import { piecesOf, referredPage, stretchesOf, type PagePiece, type Stretch } from './pages.ts';
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

/** A descriptor's length, in bytes. A buffer's can change: `SetLength`. */
export function lengthOf(id: number): Operation<number> {
  return now((step) => {
    step.look('descriptor', id);
    return step.world.descriptors.get(id)!.length;
  });
}

/** `withAddressRange`: evaluates to the descriptor's number, or to 0 (NULL) for a range that cannot be (facts §1.3). */
export function createDescriptor(step: Step, spec: DescriptorSpec): number {
  if (spec.ranges.some((r) => r.length > physicalMemory || r.address + r.length > highest)) return 0;
  const { type, task, direction, copyOnWrite, threadSafe, ranges } = spec;
  const descriptor = step.world.nextId;
  step.emit({ kind: 'descriptor.create', descriptor, type, task, direction, copyOnWrite, threadSafe });
  for (const { address, length } of ranges) step.emit({ kind: 'descriptor.range', descriptor, address, length });
  return descriptor;
}

/** Bytes `[offset, offset + length)` of a descriptor. */
export interface Part {
  readonly descriptor: number;
  readonly offset: number;
  readonly length: number;
}

/** Makes a Sub (one part) or a Multi (whole descriptors, in order), which holds what it stands on (facts §5.1). */
export function createWrapper(step: Step, type: 'sub' | 'multi', direction: Direction, parts: readonly Part[]): number {
  const descriptor = step.world.nextId;
  const plain = { task: 0, copyOnWrite: false, threadSafe: false } as const;
  step.emit({ kind: 'descriptor.create', descriptor, type, direction, ...plain });
  for (const { descriptor: child, offset, length } of parts) {
    step.emit({ kind: 'descriptor.child', descriptor, child, offset, length });
    step.emit({ kind: 'object.retain', object: child });
  }
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
      // A reference through which memory can be written needs memory that may be written [I].
      const writes = descriptor.direction !== 'out' && !descriptor.copyOnWrite;
      if (entry === undefined || (writes && entry.protection !== 'read-write')) return undefined;
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
  if (!canDelay(world, source, end)) return false;
  const copy = world.objects.get(source.copy);
  if (
    direction === 'out' &&
    copy !== undefined &&
    copy.pages.size + copy.swapped.size === 0 &&
    !writable(world, copy.id)
  ) {
    step.emit({ kind: 'descriptor.snapshot', descriptor: id, index, object: copy.id, mechanism: 'reused' });
    return true;
  }
  const object = copyLater(step, source);
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
  const done = yield* now((step) => {
    step.look('descriptor', id);
    return step.world.descriptors.get(id)!.parts.length > 0;
  });
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

/** Ranges that meet off a page border cannot be mapped in a row (facts §5.1). */
function mapsInARow(descriptor: Descriptor, pageSize: number): boolean {
  return descriptor.ranges.every(
    (range, i) =>
      (i === 0 || range.address % pageSize === 0) &&
      (i === descriptor.ranges.length - 1 || (range.address + range.length) % pageSize === 0),
  );
}

/** Whether the pages of one stretch can follow those of the one before it: both must end at the page border between them. */
function follows(world: World, before: Stretch, after: Stretch): boolean {
  const { pageSize } = world.machine;
  const last = piecesOf(world, before.owner, before.offset, before.length).at(-1)!;
  const [first] = piecesOf(world, after.owner, after.offset, after.length);
  return last.offsetInPage + last.length === pageSize && first!.offsetInPage === 0;
}

/**
 * `IOMemoryDescriptor::createMappingInTask` (facts §5.1): every failure is `kIOReturnError`. What appears is the
 * snapshot of a copy-on-write descriptor, else the live memory. A mapping that shows it already is used again.
 */
export function* createMapping(
  id: number,
  task: number,
  request: MapRequest,
): Program<[code: number, mapped: Mapped | undefined]> {
  const { within, root, stretches, length } = yield* now((step) => {
    const { world } = step;
    step.look('descriptor', id);
    const descriptor = world.descriptors.get(id)!;
    const full = request.length === 0 ? descriptor.length : request.length;
    const { root: base, from } = underneath(world, descriptor, request.offset);
    const found = stretchesOf(world, descriptor, request.offset, full);
    for (const { id: looked } of [base, ...found.map(({ owner }) => owner)]) step.look('descriptor', looked);
    const covered = found.reduce((sum, stretch) => sum + stretch.length, 0);
    const inside = full > 0 && from + full <= base.length && covered === full;
    return { within: inside, root: base, stretches: found, length: full };
  });
  if (!within) {
    // A copy-on-write descriptor takes its snapshot before the bounds are looked at (MD:4879-4916, 4946-4951).
    if (root.copyOnWrite) yield* resolve(root.id);
    return [yield* refuse('CreateMapping', kIOReturnError), undefined];
  }
  for (const [index, stretch] of stretches.entries()) {
    const code = yield* resolve(stretch.owner.id);
    if (code !== kIOReturnSuccess) return [code, undefined];
    const fits = yield* now(
      ({ world }) =>
        mapsInARow(stretch.owner, world.machine.pageSize) &&
        (index === 0 || follows(world, stretches[index - 1]!, stretch)),
    );
    if (!fits) return [yield* refuse('CreateMapping', kIOReturnError), undefined];
  }
  const asked = { ...request, length };
  const mapped = yield* act(
    'map',
    'kernel',
    (step) => shareMapping(step, id, task, asked) ?? enter(step, id, task, asked),
    {
      ready: (world) => stretches.every(({ owner }) => isSnapshot(world.descriptors.get(owner.id)!)),
      waitsFor: () => `the snapshot of descriptor #${id}`,
    },
  );
  return mapped === undefined ? [kIOReturnError, undefined] : [kIOReturnSuccess, mapped];
}

/** Whether its snapshot is complete, if it has one. */
const isSnapshot = ({ copyOnWrite, parts }: Descriptor): boolean =>
  !copyOnWrite || parts.every((part) => part.snapshot !== 0);

/** Maps the pages. Nothing else is mapped in the guards before and behind them (facts §5.1; MD:825-868). */
function enter(step: Step, id: number, task: number, request: MapRequest): Mapped | undefined {
  const { world } = step;
  const { pageSize } = world.machine;
  const { offset, length, address: fixed, readOnly, guard } = request;
  const pieces = piecesOf(world, world.descriptors.get(id)!, offset, length);
  const lead = pieces[0]!.offsetInPage;
  const size = alignUp(lead + length, pageSize);
  const base = fixed === undefined ? roomFor(world, task, size + 2 * guard, pageSize) + guard : fixed - lead;
  if (base % pageSize !== 0 || !isFree(world, task, base, size) || world.tasks.get(task)!.state === 'gone') {
    step.emit({ kind: 'refuse', code: kIOReturnError, call: 'CreateMapping' });
    return undefined;
  }
  let at = base;
  const runs = runsOf(world, pieces);
  if (!readOnly && runs.some((run) => run.readOnly))
    step.emit({ kind: 'unspecified', what: 'whether the snapshot of an Out descriptor can be written; not here' });
  for (const run of runs) {
    const protection = readOnly || run.readOnly ? 'read' : 'read-write';
    const { object, pages } = run;
    const bytes = pages * pageSize;
    step.emit({ kind: 'vm.enter', task, address: at, length: bytes, object, offset: run.page * pageSize, protection });
    at += bytes;
  }
  return makeMapping(step, id, task, base + lead, request, 0);
}

/** Neighbouring pages of one object. */
interface Run {
  readonly object: number;
  readonly page: number;
  pages: number;
  /** A snapshot of an Out descriptor, which its other mappings and other descriptors may share. */
  readonly readOnly: boolean;
}

function runsOf(world: World, pieces: readonly PagePiece[]): Run[] {
  const runs: Run[] = [];
  for (const { owner, page } of pieces) {
    const descriptor = world.descriptors.get(owner)!;
    const referred = referredPage(world, descriptor, page);
    const { shown: object } = referred;
    const readOnly = object !== referred.object && descriptor.direction === 'out';
    const last = runs.at(-1);
    if (last?.object === object && last.page + last.pages === referred.page && last.readOnly === readOnly)
      last.pages += 1;
    else runs.push({ object, page: referred.page, pages: 1, readOnly });
  }
  return runs;
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
