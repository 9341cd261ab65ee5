/** What memory held in the end: heap blocks, the rest of a VM object, a device's own memory. */
import type { World } from '../../core/world.ts';
import type { Provenance } from '../provenance.ts';

/** A stretch of bytes that is compared as a whole. */
export interface Stretch {
  readonly bytes: Uint8Array;
  /** Where in it each step's bytes begin, and the step, in pairs. */
  readonly steps: Uint32Array;
}

/** Something that held bytes. */
export interface Content {
  /** What it is known by in every schedule. */
  readonly name: string;
  /** The address space, or the device, and where in it the first byte is. */
  readonly place: string;
  readonly address: number;
  /** What it is, in words. */
  readonly what: string;
  /** By the offset of their first byte; what nobody has touched is left out. */
  readonly stretches: ReadonlyMap<number, Stretch>;
}

/** A range of a VM object, in bytes; `to` exclusive. */
export interface ObjectRange {
  readonly object: number;
  readonly from: number;
  readonly to: number;
  /** Ranges in it that count as untouched, because they are told apart. */
  readonly except: readonly { readonly from: number; readonly to: number }[];
}

/** The step at an offset, and where the next one begins. */
export function stepAt({ steps, bytes }: Stretch, offset: number): { step: number; end: number } {
  let low = 0;
  let high = steps.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (steps[2 * middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  return { step: low === 0 ? 0 : steps[2 * low - 1]!, end: steps[2 * low] ?? bytes.length };
}

/** A stretch of bytes and their steps. */
function stretchOf(bytes: Uint8Array, steps: Uint32Array): Stretch {
  const runs: number[] = [];
  for (let at = 0, last = 0; at < steps.length; at += 1) {
    if (steps[at] === last) continue;
    last = steps[at]!;
    runs.push(at, last);
  }
  return { bytes, steps: Uint32Array.from(runs) };
}

/** What a reader of the object sees in the range, in stretches of a page's length. */
export function stretchesOf(world: World, provenance: Provenance, range: ObjectRange): Map<number, Stretch> {
  const { pageSize } = world.machine;
  const stretches = new Map<number, Stretch>();
  for (const from of touched(world, range)) {
    const to = Math.min(from + pageSize, range.to);
    const bytes = new Uint8Array(to - from);
    const steps = new Uint32Array(to - from);
    for (let at = from; at < to;) {
      const offset = at % pageSize;
      const length = Math.min(pageSize - offset, to - at);
      const seen = pageOf(world, provenance, range.object, (at - offset) / pageSize);
      if (seen !== undefined) {
        bytes.set(seen.bytes.subarray(offset, offset + length), at - from);
        if (seen.steps !== undefined) steps.set(seen.steps.subarray(offset, offset + length), at - from);
      }
      at += length;
    }
    for (const hole of range.except) {
      bytes.fill(0, Math.max(hole.from - from, 0), Math.max(hole.to - from, 0));
      steps.fill(0, Math.max(hole.from - from, 0), Math.max(hole.to - from, 0));
    }
    if (bytes.some((byte) => byte !== 0)) stretches.set(from - range.from, stretchOf(bytes, steps));
  }
  return stretches;
}

/** A page as a reader of the object sees it, wherever it is; undefined when nobody has touched it. */
function pageOf(
  world: World,
  provenance: Provenance,
  object: number,
  page: number,
): { readonly bytes: Uint8Array; readonly steps: Uint32Array | undefined } | undefined {
  for (let id = object; id !== 0; id = world.objects.get(id)?.shadow ?? 0) {
    const { pages, swapped } = world.objects.get(id)!;
    const frame = pages.get(page);
    if (frame !== undefined)
      return { bytes: world.frames.get(frame)!.bytes, steps: provenance.stepsAt('frame', frame) };
    const bytes = swapped.get(page);
    if (bytes !== undefined) return { bytes, steps: provenance.stepsOfSwapped(id, page) };
  }
  return undefined;
}

/** Where the stretches begin that hold a page which somebody has touched. */
function touched(world: World, { object, from, to }: ObjectRange): number[] {
  const { pageSize } = world.machine;
  const begins = new Set<number>();
  for (let id = object; id !== 0; id = world.objects.get(id)?.shadow ?? 0) {
    const { pages, swapped } = world.objects.get(id)!;
    for (const page of [...pages.keys(), ...swapped.keys()]) {
      // A page lies in two stretches when these begin in the middle of pages.
      for (const at of [page * pageSize, (page + 1) * pageSize - 1]) {
        const clamped = Math.min(Math.max(at, from), to - 1);
        if (Math.floor(clamped / pageSize) === page) begins.add(clamped - ((clamped - from) % pageSize));
      }
    }
  }
  return [...begins].toSorted((x, y) => x - y);
}

/** All of a device's own memory. */
export function deviceStretch(world: World, provenance: Provenance, id: number): Map<number, Stretch> {
  const { memory } = world.devices.get(id)!;
  return new Map([[0, stretchOf(memory.slice(), provenance.stepsAt('device', id) ?? new Uint32Array(0))]]);
}
