/** `IODMACommand` (facts §4). Every procedure runs on its caller's thread and can be interrupted between its steps. */
import { actorName } from '../actors/threads.ts';
import {
  kIOReturnBadArgument,
  kIOReturnBusy,
  kIOReturnMessageTooLarge,
  kIOReturnNoMemory,
  kIOReturnNoResources,
  kIOReturnNotReady,
  kIOReturnOverrun,
  kIOReturnSuccess,
  kIOReturnVMError,
} from '../codes.ts';
import type { Mapper } from '../machine.ts';
import { act, now, refuse, type Program, type Step } from '../operation.ts';
import type { DmaAccess } from '../pcie/state.ts';
import type { World } from '../world.ts';
import { bounce, endBounce } from './bounce.ts';
import { inARow, piecesOf, wiredPage } from './pages.ts';
import type { Descriptor, Range } from './state.ts';
import { commandOf, limitOf, runsOf } from './window.ts';
import { complete, prepare, releaseDescriptor, releaseIova } from './wire.ts';

/** Segments a caller can ask for (facts §4.2 (1)). */
export const maxSegments = 32;
/** Bus addresses that a mapper hands out begin here. */
const iovaBase = 0x1000_0000;

/**
 * The mapper that a command for the object gets (facts §4.1): a PCI nub's own; for any other object the system mapper,
 * which VT-d is and a DART is not.
 */
function mapperFor({ devices, machine: { mapper } }: World, object: number): Mapper {
  return devices.has(object) || mapper === 'vtd' ? mapper : 'none';
}

/** `IODMACommand::Create` (facts §4.1). Evaluates to a return code and the command's number. */
export function* createCommand(
  device: number,
  options: number,
  maxAddressBits: number,
): Program<[code: number, command: number]> {
  if (options !== 0 || maxAddressBits > 255) return [yield* refuse('IODMACommand::Create', kIOReturnBadArgument), 0];
  const pageBits = yield* now((step) => Math.log2(step.world.machine.pageSize));
  if (maxAddressBits >= 1 && maxAddressBits < pageBits) {
    return [yield* refuse('IODMACommand::Create', kIOReturnNoMemory), 0];
  }
  const command = yield* act('IODMACommand::Create', 'kernel', (step) => {
    const id = step.world.nextId;
    const mapper = mapperFor(step.world, device);
    step.emit({ kind: 'command.create', command: id, device, maxAddressBits, mapper });
    return id;
  });
  return [kIOReturnSuccess, command];
}

/** The command's own lock; there is none before macOS 13.3 (facts §4.5). */
export function* lockCommand(id: number): Program {
  if (yield* now((step) => step.world.machine.era === 'before-13.3')) return;
  yield* act('lock command', 'kernel', (step) => step.emit({ kind: 'command.lock', command: id }), {
    on: ['command', id],
    ready: (world) => world.commands.get(id)!.lockedBy === 0,
    waitsFor: (world) => `the lock of command #${id}, held by ${actorName(world, world.commands.get(id)!.lockedBy)}`,
  });
}

/** Gives the lock back, if there is one. */
export function* unlockCommand(id: number): Program {
  if (yield* now((step) => commandOf(step, id).lockedBy === 0)) return;
  yield* act('unlock command', 'kernel', (step) => step.emit({ kind: 'command.unlock', command: id }));
}

/** What `PrepareForDMA` evaluates to: the code, the descriptor's own direction bits, the segments. */
export interface Prepared {
  readonly code: number;
  readonly direction: Descriptor['direction'];
  readonly segments: readonly Range[];
}

const failed = (code: number): Prepared => ({ code, direction: 'none', segments: [] });

/** Arguments of {@link prepareForDMA}; `memory` is a descriptor's number, 0 for NULL. */
export interface PrepareArguments {
  readonly options: number;
  readonly memory: number;
  readonly offset: number;
  readonly length: number;
  readonly capacity: number;
}

/** `IODMACommand::PrepareForDMA` (facts §4.2). */
export function* prepareForDMA(id: number, args: PrepareArguments): Program<Prepared> {
  if (args.capacity > maxSegments) return failed(yield* refuse('PrepareForDMA', kIOReturnOverrun));
  if (args.options !== 0 || args.memory === 0) return failed(yield* refuse('PrepareForDMA', kIOReturnBadArgument));
  yield* lockCommand(id);
  const prepared = yield* prepareLocked(id, args);
  yield* unlockCommand(id);
  return prepared;
}

function* prepareLocked(id: number, { memory, offset, length, capacity }: PrepareArguments): Program<Prepared> {
  const wired = yield* prepare(memory);
  if (wired !== kIOReturnSuccess) return failed(wired);
  const set = yield* setMemory(id, memory, 'PrepareForDMA');
  if (set !== kIOReturnSuccess) {
    yield* complete(memory);
    return failed(set);
  }
  const mapped = yield* mapWindow(id, memory, offset, length);
  if (mapped !== kIOReturnSuccess) {
    // The command stays active: half-dead until it is prepared with the same memory (facts §4.2 (4)).
    yield* complete(memory);
    return failed(mapped);
  }
  const result = yield* act('segments', 'kernel', (step) => emitSegments(step, id, memory, capacity));
  if (result.code !== kIOReturnSuccess) yield* undo(id, memory);
  return result;
}

/** `setMemoryDescriptor` without preparing (facts §4.2 (3)): the command holds the descriptor, or `kIOReturnBusy`. */
export function* setMemory(id: number, memory: number, call: string): Program<number> {
  const held = yield* now((step) => ({ ...commandOf(step, id) }));
  if (held.active && held.descriptor !== memory) return yield* refuse(call, kIOReturnBusy);
  // The same memory again: the old mapping goes, the old wire stays.
  if (held.active) yield* endBounce(id, memory);
  if (held.active && held.iova !== 0) yield* dropIova(id);
  if (held.descriptor === memory) return kIOReturnSuccess;
  yield* act('set memory', 'kernel', (step) => {
    step.emit({ kind: 'command.set', command: id, descriptor: memory });
    step.emit({ kind: 'object.retain', object: memory });
  });
  return kIOReturnSuccess;
}

/** `prepare(offset, length)` (facts §4.2 (4)): the command is active for a window of the memory, mapped for the device. */
export function* mapWindow(id: number, memory: number, offset: number, length: number): Program<number> {
  const window = yield* act('activate', 'kernel', (step) => {
    const descriptor = step.world.descriptors.get(memory)!;
    const bytes = length === 0 ? descriptor.length : length;
    step.emit({ kind: 'command.activate', command: id, offset, length: bytes });
    const covered = piecesOf(step.world, descriptor, offset, bytes).reduce((sum, piece) => sum + piece.length, 0);
    const past = bytes === 0 || offset + bytes > descriptor.length || covered < bytes;
    if (past) step.emit({ kind: 'command.unspecified', command: id, offset, length: bytes });
    return { bytes, past, whole: offset === 0 && bytes === descriptor.length };
  });
  if (window.past) return kIOReturnVMError;
  const bounced = yield* bounce(id, memory);
  return bounced === kIOReturnSuccess ? yield* mapIova(id, memory, offset, window.bytes, window.whole) : bounced;
}

/** Cleans up after segments could not be made; macOS does so since 13.3 (facts §4.2 (5)). */
function* undo(id: number, memory: number): Program {
  const { cleans, iova } = yield* now((step) => ({
    cleans: step.world.machine.era !== 'before-13.3',
    iova: commandOf(step, id).iova,
  }));
  if (!cleans) return;
  // Complete, as CompleteDMA does it: bounce pages are copied in, though no device has seen them (DMA:455-473).
  yield* endBounce(id, memory);
  if (iova !== 0) yield* dropIova(id);
  yield* complete(memory);
  yield* act('clear memory', 'kernel', (step) => step.emit({ kind: 'command.complete', command: id }));
  yield* releaseDescriptor(memory);
}

/** Lets the command's bus addresses go, unless the descriptor's other commands share them (facts §4.6). */
export function* dropIova(id: number): Program {
  const { iova, descriptor, shared } = yield* now((step) => {
    const command = commandOf(step, id);
    step.look('descriptor', command.descriptor);
    return { ...command, shared: step.world.descriptors.get(command.descriptor)!.sharedIova === command.iova };
  });
  if (!shared) yield* releaseIova(descriptor, iova);
}

/** Whether it is a Sub or Multi descriptor. */
const wraps = ({ children }: Descriptor): boolean => children.length > 0;

/**
 * Rights in the IOMMU (facts §4.6 "Access rights"): all for a Sub or Multi; for a part of another descriptor, those
 * that its pages were wired for.
 */
function accessFor(descriptor: Descriptor, whole: boolean): DmaAccess {
  if (wraps(descriptor)) return 'read-write';
  if ((whole ? descriptor.direction : descriptor.wireDirection) === 'out') return 'read';
  return descriptor.direction === 'in' && whole ? 'write' : 'read-write';
}

/** The lowest free range of bus addresses; nothing when the address limit leaves no room. */
function roomForIova(world: World, length: number, maxAddressBits: number): number | undefined {
  let candidate = iovaBase;
  for (const range of world.iovas) {
    if (range.start >= candidate + length) break;
    candidate = Math.max(candidate, range.end);
  }
  const bits = maxAddressBits === 0 ? 32 : Math.min(maxAddressBits, 32);
  return candidate + length <= 2 ** bits ? candidate : undefined;
}

/** Maps the window's pages for the device, page by page. Without a mapper there is nothing to do. */
function* mapIova(id: number, memory: number, offset: number, bytes: number, whole: boolean): Program<number> {
  const { mapper, pageSize, pieces, access, shared, wrapper } = yield* now((step) => {
    const descriptor = step.world.descriptors.get(memory)!;
    return {
      mapper: commandOf(step, id).mapper,
      pageSize: step.world.machine.pageSize,
      // A bus page each: ranges that meet off a page border do not meet in bus addresses (facts §4.6).
      pieces: piecesOf(step.world, descriptor, offset, bytes),
      access: accessFor(descriptor, whole),
      shared: descriptor.sharedIova,
      wrapper: wraps(descriptor),
    };
  });
  if (mapper === 'none') return kIOReturnSuccess;
  const length = pieces.length * pageSize;
  // VT-d is the system mapper, whose whole-descriptor mappings are shared; a DART belongs to its device (facts §4.6).
  const sharing = mapper === 'vtd' && whole && !wrapper;
  if (sharing && shared !== 0) {
    yield* act('share bus addresses', 'kernel', (step) =>
      step.emit({ kind: 'iova.share', command: id, address: shared, length }),
    );
    return kIOReturnSuccess;
  }
  const base = yield* act('allocate bus addresses', 'kernel', (step) => {
    const address = roomForIova(step.world, length, commandOf(step, id).maxAddressBits);
    if (address === undefined) {
      step.emit({ kind: 'refuse', code: kIOReturnNoResources, call: 'PrepareForDMA' });
      return undefined;
    }
    step.emit({ kind: 'iova.allocate', command: id, address, length, shared: sharing });
    if (mapper === 'dart' && !inARow(pieces, pageSize))
      step.emit({ kind: 'unspecified', what: 'bus addresses of misaligned ranges behind a DART' });
    return address;
  });
  if (base === undefined) return kIOReturnNoResources;
  for (const [index, piece] of pieces.entries()) {
    const code = yield* act('iommu map', 'kernel', (step) => {
      step.look('descriptor', piece.owner);
      const wired = wiredPage(step.world, piece);
      if (wired === undefined) return refuseUnwired(step);
      step.emit({ kind: 'iommu.map', address: base + index * pageSize, frame: wired.frame, access });
      return kIOReturnSuccess;
    });
    if (code !== kIOReturnSuccess) return code;
  }
  return kIOReturnSuccess;
}

/** Another thread has unwired the pages meanwhile: nothing locks a struct argument (facts §4.3, §10 (22)). */
function refuseUnwired(step: Step): number {
  step.emit({ kind: 'refuse', code: kIOReturnVMError, call: 'PrepareForDMA' });
  return kIOReturnVMError;
}

/** Makes the segment list; what does not fit the capacity is dropped without a word (facts §4.2 (5)). */
function emitSegments(step: Step, id: number, memory: number, capacity: number): Prepared {
  const command = commandOf(step, id);
  const descriptor = step.world.descriptors.get(memory)!;
  const runs = runsOf(step, id, memory, 0, command.length);
  if (runs === undefined) return failed(refuseUnwired(step));
  const limit = limitOf(command);
  const segments = runs.slice(0, capacity);
  if (capacity === 0 || segments.some(({ address, length }) => address + length > limit)) {
    const code = capacity === 0 ? kIOReturnBadArgument : kIOReturnMessageTooLarge;
    step.emit({ kind: 'refuse', code, call: 'PrepareForDMA' });
    return failed(code);
  }
  segments.forEach(({ address, length }, index) => {
    step.emit({ kind: 'command.segment', command: id, index, address, length });
  });
  const dropped = runs.length - segments.length;
  step.emit({ kind: 'command.prepared', command: id, segments: segments.length, dropped });
  return { code: kIOReturnSuccess, direction: descriptor.direction, segments };
}

/** `IODMACommand::CompleteDMA` (facts §4.4): bounce pages and IOMMU first, then the wire, then the descriptor. The device is not asked. */
export function* completeDMA(id: number, options = 0): Program<number> {
  if (options !== 0) return yield* refuse('CompleteDMA', kIOReturnBadArgument);
  yield* lockCommand(id);
  const { prepared, descriptor, iova } = yield* now((step) => ({ ...commandOf(step, id) }));
  if (!prepared) {
    yield* refuse('CompleteDMA', kIOReturnNotReady);
    yield* unlockCommand(id);
    return kIOReturnNotReady;
  }
  yield* endBounce(id, descriptor);
  if (iova !== 0) yield* dropIova(id);
  yield* complete(descriptor);
  yield* act('CompleteDMA', 'kernel', (step) => step.emit({ kind: 'command.complete', command: id }));
  yield* releaseDescriptor(descriptor);
  yield* unlockCommand(id);
  return kIOReturnSuccess;
}

/** `IODMACommand::GetPreparation` (facts §4.4): looks only. */
export function getPreparation(
  step: Step,
  id: number,
): { code: number; offset: number; length: number; memory: number } {
  const { active, offset, length, descriptor } = commandOf(step, id);
  if (!active) return { code: kIOReturnNotReady, offset: 0, length: 0, memory: 0 };
  return { code: kIOReturnSuccess, offset, length, memory: descriptor };
}
