/** Physical frames: which number comes next, and how their bytes are written. */
import { isDraft, original } from 'immer';
import type { MachineOptions } from '../machine.ts';
import { KiB, MiB } from '../units.ts';
import type { World } from '../world.ts';
import type { Frame } from './state.ts';

/** Physical memory begins here, as on Apple silicon: above 32 bits. */
export const physicalBase = 0x8_0000_0000;

/** Frames are scattered within windows of this many, so that no two in a row are neighbours. */
const scatterWindow = 1 << 14;
/** Odd, so that multiplying by it permutes a window. */
const scatterFactor = 0x1e35;

/** The frame that the next allocation takes: the newest free one, else a fresh one. */
export function nextFrame(world: World): number {
  const free = world.freeFrames.at(-1);
  if (free !== undefined) return free;
  const made = world.framesMade;
  const base = physicalBase / world.machine.pageSize;
  if (world.machine.physical === 'contiguous') return base + made;
  if (world.machine.physical === 'mixed') return made + (made % 2 === 0 ? base : mixedBase / world.machine.pageSize);
  const inWindow = made % scatterWindow;
  return base + made - inWindow + ((inWindow * scatterFactor) % scatterWindow);
}

/** Ordinary memory below 4 GiB begins here: what lies below that is not handed out to processes (xnu osfmk/i386/i386_vm_init.c 790). */
const mixedBase = 0x8000_0000;

/** Physically contiguous memory comes from a region of its own. */
const contiguousBase = 0xc_0000_0000;

/** The next frame of that region: a contiguous buffer takes as many as it needs, one after the other. */
export function nextContiguousFrame(world: World): number {
  return contiguousBase / world.machine.pageSize + world.contiguousMade;
}

/**
 * What an Intel Mac sets aside for devices with few address bits: 32 MiB (MAXLORESERVE, xnu osfmk/i386/i386_vm_init.c
 * 125, 805-829), here from 16 MiB on, so that 25 bits reach some and 26 all of it. Apple silicon has no memory below
 * 4 GiB: there any page is taken (vm_resident.c 3901-3907).
 */
const lowBase = 16 * MiB;
const lowSize = 32 * MiB;
/** The allocator of low frames, as what is touched. */
export const lowAllocator = 2;

const hasLow = ({ pageSize }: MachineOptions): boolean => pageSize === 4 * KiB;

/** Whether the frame is one of those set aside. */
export function isLow({ machine }: World, frame: number): boolean {
  const address = frame * machine.pageSize;
  return hasLow(machine) && address >= lowBase && address < lowBase + lowSize;
}

/** How many frames {@link nextLowFrame} can still give. */
export function lowFramesLeft({ machine, lowFree, lowMade }: World): number {
  return hasLow(machine) ? lowFree.length + lowSize / machine.pageSize - lowMade : Infinity;
}

/** The frame for the next bounce page: the newest free low one, else a fresh one. */
export function nextLowFrame(world: World): number {
  const { machine, lowFree, lowMade } = world;
  if (!hasLow(machine)) return nextFrame(world);
  return lowFree.at(-1)?.number ?? lowBase / machine.pageSize + lowMade;
}

/** Takes {@link nextLowFrame} out of its pool, wired, with what its last user left in it. For transitions only. */
export function takeLowFrame(world: World, number: number): void {
  if (isLow(world, number)) {
    const left = world.lowFree.pop();
    if (left === undefined) world.lowMade += 1;
    world.frames.set(number, {
      number,
      bytes: left?.bytes.slice() ?? new Uint8Array(world.machine.pageSize),
      wires: 1,
      discardable: false,
    });
  } else {
    takeFrame(world, number, new Uint8Array(world.machine.pageSize));
    world.frames.get(number)!.wires = 1;
  }
}

/** Gives a frame back to the pool that it came from. For transitions only. */
export function freeFrame(world: World, number: number): void {
  const { bytes } = world.frames.get(number)!;
  world.frames.delete(number);
  if (isLow(world, number)) world.lowFree.push({ number, bytes });
  else world.freeFrames.push(number);
}

/** Takes {@link nextFrame} out of the pool and gives it bytes. For transitions only. */
export function takeFrame(world: World, number: number, bytes: Uint8Array): void {
  if (world.freeFrames.at(-1) === number) world.freeFrames.pop();
  else if (number === nextContiguousFrame(world)) world.contiguousMade += 1;
  else world.framesMade += 1;
  world.frames.set(number, { number, bytes, wires: 0, discardable: false });
}

/** A typed array of the world for writing. immer does not draft typed arrays: inside a draft they
 * are copied the first time they are written, so that older worlds keep theirs. */
export function ownBytes<K extends string>(holder: { [Key in K]: Uint8Array }, key: K): Uint8Array {
  const bytes: Uint8Array = holder[key];
  if (!isDraft(holder)) return bytes;
  const before: unknown = original<object>(holder);
  if ((before as { [Key in K]: Uint8Array })[key] !== bytes) return bytes;
  const own = bytes.slice();
  Object.assign(holder, { [key]: own });
  return own;
}

/** A frame's bytes for writing, as {@link ownBytes}. */
export function writableBytes(frame: Frame): Uint8Array {
  return ownBytes(frame, 'bytes');
}

/** Up to this many bytes a loop is faster than a view and a copy. */
const shortCopy = 32;

/** Copies bytes. */
export function copyBytes(
  from: Uint8Array,
  fromOffset: number,
  to: Uint8Array,
  toOffset: number,
  length: number,
): void {
  if (length > shortCopy) to.set(from.subarray(fromOffset, fromOffset + length), toOffset);
  else for (let i = 0; i < length; i += 1) to[toOffset + i] = from[fromOffset + i]!;
}
