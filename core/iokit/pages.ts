/** Where a descriptor's bytes lie: its pages, numbered across all its ranges. */
import { alignDown, alignUp } from '../units.ts';
import type { World } from '../world.ts';
import type { Descriptor, Range } from './state.ts';

/** Bytes of whole pages that a range touches. */
export function spanOf(range: Range, pageSize: number): number {
  return alignUp(range.address + range.length, pageSize) - alignDown(range.address, pageSize);
}

/** How many pages the descriptor touches, each range counted by itself. */
export function pageCount(world: World, descriptor: Descriptor): number {
  const { pageSize } = world.machine;
  return descriptor.ranges.reduce((sum, range) => sum + spanOf(range, pageSize) / pageSize, 0);
}

/** A stretch of a descriptor's bytes within one page. */
export interface PagePiece {
  /** Index of the page in the descriptor. */
  readonly page: number;
  readonly offsetInPage: number;
  readonly length: number;
}

/** Cuts `[offset, offset + length)` of the descriptor at page borders. Stops at the descriptor's end. */
export function piecesOf(world: World, descriptor: Descriptor, offset: number, length: number): PagePiece[] {
  const { pageSize } = world.machine;
  const pieces: PagePiece[] = [];
  let before = 0;
  let firstPage = 0;
  const end = offset + length;
  for (const range of descriptor.ranges) {
    const lead = range.address % pageSize;
    let at = Math.max(offset, before);
    const stop = Math.min(end, before + range.length);
    while (at < stop) {
      const inPages = lead + (at - before);
      const piece = Math.min(stop - at, pageSize - (inPages % pageSize));
      pieces.push({
        page: firstPage + Math.floor(inPages / pageSize),
        offsetInPage: inPages % pageSize,
        length: piece,
      });
      at += piece;
    }
    before += range.length;
    firstPage += spanOf(range, pageSize) / pageSize;
  }
  return pieces;
}

/** The virtual address of a page of the descriptor, and nothing when there is no such page. */
export function pageAddress(world: World, descriptor: Descriptor, page: number): number | undefined {
  const { pageSize } = world.machine;
  let first = 0;
  for (const range of descriptor.ranges) {
    const pages = spanOf(range, pageSize) / pageSize;
    if (page < first + pages) return alignDown(range.address, pageSize) + (page - first) * pageSize;
    first += pages;
  }
  return undefined;
}

/** The object and page index behind a page of the descriptor's memory reference. */
export function referredPage(world: World, descriptor: Descriptor, page: number): { object: number; page: number } {
  const { pageSize } = world.machine;
  let first = 0;
  for (const part of descriptor.parts) {
    const pages = part.length / pageSize;
    if (page < first + pages) return { object: part.object, page: part.offset / pageSize + (page - first) };
    first += pages;
  }
  throw new Error(`descriptor #${descriptor.id} has no page ${page}`);
}
