/** Where a descriptor's bytes lie: its pages, numbered across all its ranges, or the pages of what it stands on. */
import { alignDown, alignUp } from '../units.ts';
import type { World } from '../world.ts';
import type { Descriptor, Range, WiredPage } from './state.ts';

/** Bytes of whole pages that a range touches. */
export function spanOf(range: Range, pageSize: number): number {
  return alignUp(range.address + range.length, pageSize) - alignDown(range.address, pageSize);
}

/** How many pages the descriptor itself touches, each range counted by itself. */
export function pageCount(world: World, descriptor: Descriptor): number {
  const { pageSize } = world.machine;
  return descriptor.ranges.reduce((sum, range) => sum + spanOf(range, pageSize) / pageSize, 0);
}

/** Bytes `[offset, offset + length)` of a descriptor that has ranges of its own. */
export interface Stretch {
  readonly owner: Descriptor;
  readonly offset: number;
  readonly length: number;
}

/**
 * Resolves Sub and Multi descriptors down to those that have ranges. Stops at the end of a Multi and of what has
 * ranges, but not at a Sub's: it only shifts (facts §5.1, SUB:191-215).
 */
export function stretchesOf(world: World, descriptor: Descriptor, offset: number, length: number): Stretch[] {
  if (descriptor.type === 'sub') {
    return stretchesOf(world, world.descriptors.get(descriptor.children[0]!)!, descriptor.start + offset, length);
  }
  const stop = Math.min(offset + length, descriptor.length);
  if (descriptor.type !== 'multi') return [{ owner: descriptor, offset, length: Math.max(stop - offset, 0) }];
  const stretches: Stretch[] = [];
  let before = 0;
  for (const id of descriptor.children) {
    const child = world.descriptors.get(id)!;
    const from = Math.max(offset, before);
    const to = Math.min(stop, before + child.length);
    if (from < to) stretches.push(...stretchesOf(world, child, from - before, to - from));
    before += child.length;
  }
  return stretches;
}

/** A stretch of a descriptor's bytes within one page. */
export interface PagePiece {
  /** The descriptor that has the page. */
  readonly owner: number;
  /** Index of the page in the owner. */
  readonly page: number;
  readonly offsetInPage: number;
  readonly length: number;
}

/** Cuts `[offset, offset + length)` of the descriptor at page borders. Stops at the end, as {@link stretchesOf}. */
export function piecesOf(world: World, descriptor: Descriptor, offset: number, length: number): PagePiece[] {
  return stretchesOf(world, descriptor, offset, length).flatMap((stretch) => piecesOfStretch(world, stretch));
}

function piecesOfStretch(world: World, { owner, offset, length }: Stretch): PagePiece[] {
  const { pageSize } = world.machine;
  const pieces: PagePiece[] = [];
  let before = 0;
  let firstPage = 0;
  const end = offset + length;
  for (const range of owner.ranges) {
    const lead = range.address % pageSize;
    let at = Math.max(offset, before);
    const stop = Math.min(end, before + range.length);
    while (at < stop) {
      const inPages = lead + (at - before);
      const piece = Math.min(stop - at, pageSize - (inPages % pageSize));
      pieces.push({
        owner: owner.id,
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

/** Whether the pieces meet at page borders, so that they are one stretch wherever their pages are put in a row. */
export function inARow(pieces: readonly PagePiece[], pageSize: number): boolean {
  return pieces.every(
    ({ offsetInPage, length }, index) =>
      (index === 0 || offsetInPage === 0) && (index === pieces.length - 1 || offsetInPage + length === pageSize),
  );
}

/** The wired page behind a piece; nothing when it is not wired. */
export function wiredPage(world: World, { owner, page }: PagePiece): WiredPage | undefined {
  return world.descriptors.get(owner)!.wired[page];
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

/** A page of a descriptor's memory reference. */
export interface ReferredPage {
  readonly object: number;
  /** Page index in the objects. */
  readonly page: number;
  /** The object that mappings show: the snapshot where there is one. */
  readonly shown: number;
}

/** What is behind a page of the descriptor's memory reference. */
export function referredPage(world: World, descriptor: Descriptor, page: number): ReferredPage {
  const { pageSize } = world.machine;
  let first = 0;
  for (const { object, offset, length, snapshot } of descriptor.parts) {
    const pages = length / pageSize;
    if (page < first + pages) {
      return { object, page: offset / pageSize + (page - first), shown: snapshot === 0 ? object : snapshot };
    }
    first += pages;
  }
  throw new Error(`descriptor #${descriptor.id} has no page ${page}`);
}
