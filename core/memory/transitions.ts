import type { Transitions } from '../catalogue.ts';
import type { World } from '../world.ts';
import { applyAtomic } from './atomics.ts';
import { copyBytes, freeFrame, takeFrame, takeLowFrame, writableBytes } from './frames.ts';
import type { memoryKinds } from './kinds.ts';
import type { MapEntry, VmObject } from './state.ts';
import { eachPiece } from './translate.ts';

const objectOf = (world: World, id: number): VmObject => world.objects.get(id)!;

/** Takes write access away from every translation of the object's frames, so that the next write faults. */
function writeProtect(world: World, object: VmObject): void {
  const frames = new Set(object.pages.values());
  for (const task of world.tasks.values()) {
    for (const translation of task.translations.values()) {
      if (translation.writable && frames.has(translation.frame)) translation.writable = false;
    }
  }
}

/** Takes the frame out of every address space, so that the next access looks up again whose page it is. */
function disconnect(world: World, frame: number): void {
  for (const { translations } of world.tasks.values()) {
    for (const [page, translation] of translations) if (translation.frame === frame) translations.delete(page);
  }
}

/** Cuts the map entries at the ends of a range and puts in place of each part inside what `make` makes of it. */
function carve(
  world: World,
  taskId: number,
  start: number,
  end: number,
  make: (inside: MapEntry) => MapEntry | undefined,
): void {
  const task = world.tasks.get(taskId)!;
  task.entries = task.entries.flatMap((entry) => {
    if (entry.end <= start || entry.start >= end) return [entry];
    const part = (from: number, to: number): MapEntry | undefined =>
      from < to ? { ...entry, start: from, end: to, offset: entry.offset + (from - entry.start) } : undefined;
    const inside = part(Math.max(entry.start, start), Math.min(entry.end, end))!;
    const parts = [part(entry.start, start), make(inside), part(end, entry.end)].filter((kept) => kept !== undefined);
    objectOf(world, entry.object).references += parts.length - 1;
    return parts;
  });
}

/** Takes the translations of a range away, so that the next access faults. */
function forget(world: World, taskId: number, start: number, end: number): void {
  const { translations } = world.tasks.get(taskId)!;
  const { pageSize } = world.machine;
  for (const page of [...translations.keys()]) {
    if (page * pageSize >= start && page * pageSize < end) translations.delete(page);
  }
}

export const memoryTransitions: Transitions<typeof memoryKinds> = {
  'task.create': (world, e) => {
    world.tasks.set(e.task, {
      id: e.task,
      name: e.name,
      entries: [],
      translations: new Map(),
      heap: { blocks: new Map(), free: new Map(), zoneNext: 0, zoneEnd: 0 },
      copies: [],
      mappings: [],
      state: 'alive',
      death: 'none',
    });
    world.nextId = Math.max(world.nextId, e.task + 1);
  },
  'task.fork': (world, e) => {
    const { blocks, free, zoneNext, zoneEnd } = world.tasks.get(e.parent)!.heap;
    const { heap } = world.tasks.get(e.task)!;
    for (const [address, block] of blocks) heap.blocks.set(address, block);
    for (const [capacity, addresses] of free) heap.free.set(capacity, [...addresses]);
    heap.zoneNext = zoneNext;
    heap.zoneEnd = zoneEnd;
  },
  'task.wait': () => {},
  'task.kill': (world, e) => {
    const task = world.tasks.get(e.task)!;
    task.state = 'dying';
    task.death = e.death;
  },
  'task.disconnect': (world, e) => {
    world.tasks.get(e.task)!.state = 'disconnected';
    for (const [id, port] of world.ports) if (port.task === e.task) world.ports.delete(id);
  },
  'task.stopped': () => {},
  'task.exit': (world, e) => {
    world.tasks.get(e.task)!.state = 'gone';
    // Calls whose thread was killed before they entered the kernel.
    for (const [id, call] of world.calls) if (world.actors.get(call.actor)!.task === e.task) world.calls.delete(id);
  },
  'vm.object': (world, e) => {
    world.objects.set(e.object, {
      id: e.object,
      size: e.size,
      strategy: e.strategy,
      pages: new Map(),
      swapped: new Map(),
      shadow: 0,
      copy: 0,
      references: 0,
      activity: 0,
    });
    world.nextId = e.object + 1;
  },
  'vm.enter': (world, e) => {
    const task = world.tasks.get(e.task)!;
    const entry: MapEntry = {
      start: e.address,
      end: e.address + e.length,
      object: e.object,
      offset: e.offset,
      protection: e.protection,
      shared: false,
    };
    const after = task.entries.findIndex((other) => other.start > entry.start);
    task.entries.splice(after === -1 ? task.entries.length : after, 0, entry);
    objectOf(world, e.object).references += 1;
  },
  'vm.remove': (world, e) => {
    carve(world, e.task, e.address, e.address + e.length, () => undefined);
    forget(world, e.task, e.address, e.address + e.length);
  },
  'vm.protect': (world, e) => {
    const { protection } = e;
    carve(world, e.task, e.address, e.address + e.length, (inside) => ({ ...inside, protection }));
    forget(world, e.task, e.address, e.address + e.length);
  },
  'vm.share': (world, e) => {
    carve(world, e.task, e.address, e.address + e.length, (inside) => ({ ...inside, shared: true }));
  },
  'vm.copy': (world, e) => {
    const source = objectOf(world, e.object);
    const copy = objectOf(world, e.copy);
    copy.shadow = e.object;
    source.references += 1;
    if (source.copy !== 0) {
      // The older copy takes what it still lacks from the newer one.
      objectOf(world, source.copy).shadow = e.copy;
      copy.copy = source.copy;
      source.references -= 1;
      copy.references += 1;
    }
    source.copy = e.copy;
    writeProtect(world, source);
  },
  'vm.hold': (world, e) => {
    world.tasks.get(e.task)!.copies.push(e.object);
    objectOf(world, e.object).references += 1;
  },
  'vm.release': (world, e) => {
    const { copies } = world.tasks.get(e.task)!;
    copies.splice(copies.indexOf(e.object), 1);
    objectOf(world, e.object).references -= 1;
  },
  'vm.advise': () => {},
  'vm.terminate': (world, e) => {
    const object = objectOf(world, e.object);
    for (const frame of object.pages.values()) freeFrame(world, frame);
    if (object.shadow !== 0) {
      const shadow = objectOf(world, object.shadow);
      shadow.references -= 1;
      if (shadow.copy === e.object) shadow.copy = 0;
    }
    world.objects.delete(e.object);
  },
  'page.zero': (world, e) => {
    takeFrame(world, e.frame, new Uint8Array(world.machine.pageSize));
    objectOf(world, e.object).pages.set(e.page, e.frame);
  },
  'page.take': (world, e) => {
    takeLowFrame(world, e.frame);
    objectOf(world, e.object).pages.set(e.page, e.frame);
  },
  'page.copy': (world, e) => {
    takeFrame(world, e.frame, world.frames.get(e.from)!.bytes.slice());
    objectOf(world, e.object).pages.set(e.page, e.frame);
    // Whoever saw the old frame through this object must see the new one from now on.
    if (e.reason !== 'eager') disconnect(world, e.from);
  },
  'page.swap-out': (world, e) => {
    const object = objectOf(world, e.object);
    object.swapped.set(e.page, world.frames.get(e.frame)!.bytes);
    object.pages.delete(e.page);
    disconnect(world, e.frame);
    freeFrame(world, e.frame);
  },
  'page.free': (world, e) => {
    world.frames.get(e.frame)!.discardable = true;
    for (const { translations } of world.tasks.values())
      for (const translation of translations.values())
        if (translation.writable && translation.frame === e.frame) translation.writable = false;
  },
  'page.drop': (world, e) => {
    const object = objectOf(world, e.object);
    object.swapped.delete(e.page);
    if (!object.pages.delete(e.page)) return;
    disconnect(world, e.frame);
    freeFrame(world, e.frame);
  },
  'page.swap-in': (world, e) => {
    const object = objectOf(world, e.object);
    takeFrame(world, e.frame, object.swapped.get(e.page)!.slice());
    object.swapped.delete(e.page);
    object.pages.set(e.page, e.frame);
  },
  'page.enter': (world, e) => {
    world.tasks
      .get(e.task)!
      .translations.set(e.address / world.machine.pageSize, { frame: e.frame, writable: e.writable });
    if (e.writable) world.frames.get(e.frame)!.discardable = false;
  },
  'page.wire': (world, e) => {
    world.frames.get(e.frame)!.wires += 1;
    objectOf(world, e.object).activity += 1;
    world.descriptors.get(e.descriptor)!.wired[e.index] = { frame: e.frame, object: e.object, page: e.page };
  },
  'page.unwire': (world, e) => {
    const frame = world.frames.get(e.frame)!;
    const { wireDirection, wired } = world.descriptors.get(e.descriptor)!;
    frame.wires -= 1;
    // A wire for Out does not mark pages dirty (facts §4.3).
    if (wireDirection !== 'out') frame.discardable = false;
    objectOf(world, e.object).activity -= 1;
    wired.length = e.index;
  },
  'heap.allocate': (world, e, actor) => {
    const { heap } = world.tasks.get(world.actors.get(actor)!.task)!;
    if (e.reused) heap.free.get(e.capacity)!.pop();
    heap.blocks.set(e.address, { address: e.address, size: e.size, capacity: e.capacity });
    if (e.address >= heap.zoneNext && e.address < heap.zoneEnd) heap.zoneNext = e.address + e.capacity;
  },
  'heap.free': (world, e, actor) => {
    const { heap } = world.tasks.get(world.actors.get(actor)!.task)!;
    const { capacity } = heap.blocks.get(e.address)!;
    heap.blocks.delete(e.address);
    const free = heap.free.get(capacity);
    if (free === undefined) heap.free.set(capacity, [e.address]);
    else free.push(e.address);
  },
  'heap.zone': (world, e, actor) => {
    const { heap } = world.tasks.get(world.actors.get(actor)!.task)!;
    heap.zoneNext = e.address;
    heap.zoneEnd = e.address + e.length;
  },
  'memory.load': () => {},
  'memory.store': (world, e, actor) => {
    eachPiece(world, world.actors.get(actor)!.task, e.address, e.length, (frame, offset, length, done) => {
      copyBytes(e.bytes, done, writableBytes(world.frames.get(frame)!), offset, length);
    });
  },
  'memory.fill': (world, e, actor) => {
    eachPiece(world, world.actors.get(actor)!.task, e.address, e.length, (frame, offset, length) => {
      writableBytes(world.frames.get(frame)!).fill(e.value, offset, offset + length);
    });
  },
  'memory.copy': (world, e) => {
    const { pageSize } = world.machine;
    const { bytes } = world.frames.get(Math.floor(e.from / pageSize))!;
    const to = world.frames.get(Math.floor(e.to / pageSize))!;
    copyBytes(bytes, e.from % pageSize, writableBytes(to), e.to % pageSize, e.length);
    to.discardable = false;
  },
  'memory.atomic': (world, e, actor) => {
    eachPiece(world, world.actors.get(actor)!.task, e.address, e.length, (frame, offset) => {
      applyAtomic(e.operation, e.operands, () =>
        writableBytes(world.frames.get(frame)!).subarray(offset, offset + e.length),
      );
    });
  },
};
