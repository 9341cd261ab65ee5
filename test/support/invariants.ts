/** What must hold of every world between two steps. */
import type { World } from '../../index.ts';
import { limitOf } from '../../core/iokit/window.ts';
import { lookup } from '../../core/memory/fault.ts';

/** What does not hold, in words; empty when all is well. */
export function violations(world: World): string[] {
  return [
    ...frames(world),
    ...references(world),
    ...addressSpaces(world),
    ...dma(world),
    ...bounces(world),
    ...heaps(world),
  ];
}

/** Counts how often each thing occurs. */
function countOf(things: Iterable<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const thing of things) counts.set(thing, (counts.get(thing) ?? 0) + 1);
  return counts;
}

/** Every frame belongs to one page of one object, is not free, and is as often wired as descriptors hold it; bounce pages are wired once. */
function* frames(world: World): Generator<string> {
  const owners = countOf([...world.objects.values()].flatMap(({ pages }) => [...pages.values()]));
  for (const number of world.frames.keys()) {
    if (owners.get(number) !== 1) yield `frame ${number} belongs to ${owners.get(number) ?? 0} pages`;
  }
  for (const { id, pages, swapped } of world.objects.values())
    for (const page of swapped.keys()) if (pages.has(page)) yield `page ${page} of object #${id} is in memory and out`;
  for (const number of owners.keys()) if (!world.frames.has(number)) yield `frame ${number} of a page is no frame`;
  if (new Set(world.freeFrames).size !== world.freeFrames.length) yield 'a frame is free twice';
  const low = world.lowFree.map(({ number }) => number);
  if (new Set(low).size !== low.length) yield 'a low frame is free twice';
  for (const number of [...world.freeFrames, ...low])
    if (world.frames.has(number)) yield `frame ${number} is free and used`;

  const bounced = [...world.objects.values()].filter(({ strategy }) => strategy === 'none');
  const held = countOf([
    ...[...world.descriptors.values()].flatMap(({ wired }) => wired.map(({ frame }) => frame)),
    ...bounced.flatMap(({ pages }) => [...pages.values()]),
  ]);
  for (const { number, wires } of world.frames.values()) {
    if (wires !== (held.get(number) ?? 0))
      yield `frame ${number} is wired ${wires} times, held ${held.get(number) ?? 0} times`;
  }
  for (const number of held.keys()) if (!world.frames.has(number)) yield `wired frame ${number} is gone`;
}

/** Counts are what refers to the things. */
function* references(world: World): Generator<string> {
  const parts = [...world.descriptors.values()].flatMap((descriptor) => descriptor.parts);
  const referred = countOf([
    ...[...world.tasks.values()].flatMap(({ entries }) => entries.map(({ object }) => object)),
    ...[...world.tasks.values()].flatMap(({ copies }) => copies),
    ...parts.map(({ object }) => object),
    ...parts.map(({ snapshot }) => snapshot),
    ...[...world.objects.values()].map(({ shadow }) => shadow),
    ...[...world.commands.values()].map(({ bounce }) => bounce),
  ]);
  const active = countOf([...world.descriptors.values()].flatMap(({ wired }) => wired.map(({ object }) => object)));
  for (const { id, references: count, activity, shadow, copy } of world.objects.values()) {
    if (count !== (referred.get(id) ?? 0))
      yield `object #${id} counts ${count} references, has ${referred.get(id) ?? 0}`;
    if (activity !== (active.get(id) ?? 0))
      yield `object #${id} counts ${activity} wired pages, has ${active.get(id) ?? 0}`;
    if (copy !== 0 && world.objects.get(copy)?.shadow !== id) yield `copy #${copy} of object #${id} does not read it`;
    if (shadow !== 0 && !world.objects.has(shadow)) yield `object #${id} reads object #${shadow}, which is gone`;
  }
  for (const object of referred.keys())
    if (object !== 0 && !world.objects.has(object)) yield `object #${object} is referred to, but gone`;
  for (const [object, count] of world.references) if (count < 0) yield `object #${object} has ${count} references`;
}

/** Entries are sorted and apart; a translation shows what a fault would find, and is writable only where no snapshot needs the page. */
function* addressSpaces(world: World): Generator<string> {
  const { pageSize } = world.machine;
  for (const { name, entries, translations } of world.tasks.values()) {
    let before = 0;
    for (const { start, end, offset } of entries) {
      if (start < before || end <= start) yield `${name}: entry at ${start} overlaps or is empty`;
      if (start % pageSize !== 0 || end % pageSize !== 0 || offset % pageSize !== 0)
        yield `${name}: entry at ${start} is not aligned`;
      before = end;
    }
    for (const [page, { frame, writable }] of translations) {
      const at = page * pageSize;
      const entry = entries.find(({ start, end }) => start <= at && at < end);
      if (entry === undefined) {
        yield `${name}: page ${page} is translated, but not mapped`;
        continue;
      }
      const index = (entry.offset + at - entry.start) / pageSize;
      const seen = lookup(world, entry.object, index);
      if (seen?.frame !== frame)
        yield `${name}: page ${page} is translated to frame ${frame}, but is frame ${seen?.frame}`;
      const { copy } = world.objects.get(entry.object)!;
      const snapshot = world.objects.get(copy);
      const needed = snapshot !== undefined && !snapshot.pages.has(index) && !snapshot.swapped.has(index);
      if (writable && (entry.protection !== 'read-write' || seen?.own !== true || needed))
        yield `${name}: page ${page} is writable`;
    }
  }
}

/** The IOMMU maps only wired frames, at bus addresses that are handed out, and those do not overlap. */
function* dma(world: World): Generator<string> {
  const { pageSize } = world.machine;
  let before = 0;
  for (const { start, end } of world.iovas) {
    if (start < before) yield `bus addresses at ${start} overlap`;
    before = end;
  }
  for (const [page, { frame }] of world.iommu) {
    const address = page * pageSize;
    if (!world.iovas.some(({ start, end }) => start <= address && address < end))
      yield `bus address ${address} is mapped, but free`;
    if ((world.frames.get(frame)?.wires ?? 0) === 0)
      yield `bus address ${address} is mapped to frame ${frame}, which is not wired`;
  }
  for (const { id, wireCount, wired } of world.descriptors.values()) {
    if (wireCount < 0) yield `descriptor #${id} has ${wireCount} wires`;
    // Between wiring the pages and counting the wire, or uncounting and unwiring, there are pages without a count.
    if (wireCount > 0 && wired.length === 0) yield `descriptor #${id} counts ${wireCount} wires without a page`;
  }
  for (const { id, prepared, active, descriptor } of world.commands.values()) {
    if (prepared && !active) yield `command #${id} is prepared, but not active`;
    if (active && !world.descriptors.has(descriptor)) yield `command #${id} is active without memory`;
  }
}

/** A command that is prepared without a mapper gives the device no address above its limit; bounce pages are an active command's. */
function* bounces(world: World): Generator<string> {
  for (const command of world.commands.values()) {
    const { id, active, bounce, segments, mapper } = command;
    if (bounce !== 0 && !active) yield `command #${id} has bounce pages, but is not active`;
    if (bounce !== 0 && mapper !== 'none') yield `command #${id} has bounce pages and a mapper`;
    for (const { address, length } of segments) {
      if (address + length > limitOf(command)) yield `command #${id} has a segment at ${address}, above its limit`;
    }
  }
}

/** Blocks that are handed out do not overlap, and are not free. */
function* heaps(world: World): Generator<string> {
  for (const { heap } of world.tasks.values()) {
    let before = 0;
    for (const { address, capacity } of [...heap.blocks.values()].toSorted((a, b) => a.address - b.address)) {
      if (address < before) yield `block at ${address} overlaps`;
      before = address + capacity;
    }
    for (const free of heap.free.values()) {
      for (const address of free) if (heap.blocks.has(address)) yield `block at ${address} is free and used`;
    }
  }
}
