/** Physical frames: which number comes next, and how their bytes are written. */
import { isDraft, original } from 'immer';
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
  const inWindow = made % scatterWindow;
  return base + made - inWindow + ((inWindow * scatterFactor) % scatterWindow);
}

/** Physically contiguous memory comes from a region of its own. */
const contiguousBase = 0xc_0000_0000;

/** The next frame of that region: a contiguous buffer takes as many as it needs, one after the other. */
export function nextContiguousFrame(world: World): number {
  return contiguousBase / world.machine.pageSize + world.contiguousMade;
}

/** Takes {@link nextFrame} out of the pool and gives it bytes. For transitions only. */
export function takeFrame(world: World, number: number, bytes: Uint8Array): void {
  if (world.freeFrames.at(-1) === number) world.freeFrames.pop();
  else if (number === nextContiguousFrame(world)) world.contiguousMade += 1;
  else world.framesMade += 1;
  world.frames.set(number, { number, bytes, wires: 0 });
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
