import { kind, type Payload, type Touch } from '../catalogue.ts';
import type { World } from '../world.ts';
import { atomicOperations, atomicStores } from './atomics.ts';
import { entryAt } from './fault.ts';
import { isLow, lowAllocator } from './frames.ts';
import { advices, copyStrategies, deaths, protections } from './state.ts';
import { eachPiece } from './translate.ts';

/** Touches the physical bytes behind a virtual range of the acting task. */
export function touchBytes(
  event: { readonly address: number; readonly length: number },
  access: 'read' | 'write' | 'sync',
  touch: Touch,
  world: World,
  actor: number,
): void {
  const task = world.actors.get(actor)!.task;
  touch('task', task, 'read', event.address, event.address + event.length);
  eachPiece(world, task, event.address, event.length, (frame, offset, length) => {
    touch('frame', frame, access, offset, offset + length);
  });
}

/** Touches a range of an address space, and the VM objects behind it, whose references are counted anew. */
function touchMapped(
  { task, address, length }: { readonly task: number; readonly address: number; readonly length: number },
  touch: Touch,
  world: World,
): void {
  touch('task', task, 'write', address, address + length);
  for (const { start, end, object } of world.tasks.get(task)!.entries) {
    if (start < address + length && end > address) touch('object', object, 'write');
  }
}

/** Touches what looking up a page of a VM object reads: the page in the object, and in those behind it until it is found. */
function touchLookup(objectId: number, page: number, touch: Touch, world: World): void {
  for (let id = objectId; id !== 0;) {
    touch('object', id, 'read', page, page + 1);
    const object = world.objects.get(id)!;
    id = object.pages.has(page) || object.swapped.has(page) ? 0 : object.shadow;
  }
}

/** Touches the translations of these frames in every address space, which go or lose the right to write. */
function touchTranslations(frames: { has(frame: number): boolean }, touch: Touch, { tasks, machine }: World): void {
  for (const { id, translations } of tasks.values()) {
    for (const [page, { frame }] of translations) {
      if (frames.has(frame)) touch('task', id, 'write', page * machine.pageSize, (page + 1) * machine.pageSize);
    }
  }
}

/** Touches what a call holds. No address of the task is concerned: page 0 stands for that. */
function touchHeld({ task, object }: { readonly task: number; readonly object: number }, touch: Touch): void {
  touch('task', task, 'write', 0, 1);
  touch('object', object, 'write');
}

const wire = { frame: 'frame', object: 'id', page: 'index', descriptor: 'id', index: 'index' } as const;
const touchWire = (event: Payload<typeof wire>, touch: Touch, world: World): void => {
  touch('object', event.object, 'write');
  touch('descriptor', event.descriptor, 'write');
  const { task, ranges } = world.descriptors.get(event.descriptor)!;
  // What is at the addresses now, for a descriptor that is not resolved.
  for (const { address, length } of task === 0 ? [] : ranges) touch('task', task, 'read', address, address + length);
};

/** Frames, VM objects, address spaces, faults, copy-on-write, wiring, heap, CPU accesses. */
export const memoryKinds = {
  'task.create': kind({
    doc: 'A process comes to life with an empty address space.',
    source: 'facts §12 Task',
    fields: { task: 'task', name: 'text' },
    text: 'task {task} "{name}"',
    footprint: (e, touch) => touch('task', e.task, 'write'),
  }),
  'task.kill': kind({
    doc: 'A process begins to end: its threads stop where they are in user space, and at their way out of the kernel elsewhere.',
    source: 'facts §1.5, §3.6',
    fields: { task: 'task', death: deaths, reason: 'text' },
    text: 'task {task} dies: {reason}',
    footprint: (e, touch, world) => {
      touch('task', e.task, 'write');
      // Whether each of its threads is in the kernel.
      for (const { id, task, alive } of world.actors.values()) if (task === e.task && alive) touch('actor', id, 'sync');
    },
  }),
  'task.disconnect': kind({
    doc: 'The ports of a dying process go: calls that it has not answered fail, messages to it are lost.',
    source: 'facts §1.5, §3.6, §4.4 "ipc_space_terminate"',
    fields: { task: 'task' },
    text: 'task {task} loses its ports',
    footprint: (e, touch, world) => {
      touch('task', e.task, 'write');
      for (const queue of world.queues.values()) if (queue.task === e.task) touch('queue', queue.id, 'sync');
      for (const port of world.ports.values()) if (port.task === e.task) touch('port', port.id, 'sync');
      for (const service of world.services.values()) if (service.task === e.task) touch('service', service.id, 'sync');
    },
  }),
  'task.stopped': kind({
    doc: 'The last thread of a dying process has ended.',
    source: 'facts §1.5, §3.6',
    fields: { task: 'task' },
    text: 'task {task} has no thread any more',
    footprint: (e, touch, world) => {
      touch('task', e.task, 'write');
      for (const actor of world.actors.values()) if (actor.task === e.task) touch('actor', actor.id, 'sync');
    },
    order: (e, order, world) => {
      for (const actor of world.actors.values()) if (actor.task === e.task) order.acquire(`exit ${actor.id}`);
    },
  }),
  'task.exit': kind({
    doc: 'A process is gone, with its address space.',
    source: 'facts §3.6, §9 "process exit / kill"',
    fields: { task: 'task' },
    text: 'task {task} is gone',
    footprint: (e, touch, world) => {
      touch('task', e.task, 'write');
      for (const call of world.calls.values())
        if (world.actors.get(call.actor)!.task === e.task) touch('call', call.id, 'write');
    },
    order: (e, order) => order.release(`task ${e.task}`),
  }),
  'vm.object': kind({
    doc: 'A VM object is made; its pages come later, when they are first touched.',
    source: 'facts §2.6',
    fields: { object: 'id', size: 'bytes', strategy: copyStrategies },
    text: 'VM object #{object} of {size} bytes, copied by {strategy}',
    footprint: (e, touch) => touch('object', e.object, 'write'),
  }),
  'vm.enter': kind({
    doc: 'A range of an address space is backed by a range of a VM object.',
    source: 'facts §2.2, §5.1; xnu osfmk/vm/vm_map.c vm_map_enter',
    fields: {
      task: 'task',
      address: 'address',
      length: 'bytes',
      object: 'id',
      offset: 'bytes',
      protection: protections,
    },
    text: 'map {address} (+{length}) of task {task} to object #{object}+{offset}, {protection}',
    footprint: (e, touch) => {
      touch('task', e.task, 'read'); // where there is room
      touch('task', e.task, 'write', e.address, e.address + e.length);
      touch('object', e.object, 'write');
    },
  }),
  'vm.remove': kind({
    doc: 'A range of an address space is unmapped; wired pages stay with their VM object.',
    source: 'facts §9 "munmap"',
    fields: { task: 'task', address: 'address', length: 'bytes' },
    text: 'unmap {address} (+{length}) of task {task}',
    footprint: touchMapped,
  }),
  'vm.protect': kind({
    doc: "A range of an address space gets another protection for the CPU. DMA goes by the IOMMU's rights.",
    source: 'facts §9 "mprotect"',
    fields: { task: 'task', address: 'address', length: 'bytes', protection: protections },
    text: 'protect {address} (+{length}) of task {task}: {protection}',
    footprint: touchMapped,
  }),
  'vm.share': kind({
    doc: 'A range of an address space will be shared with child processes, not copied.',
    source: 'POSIX mmap MAP_SHARED; mach/vm_inherit.h VM_INHERIT_SHARE',
    fields: { task: 'task', address: 'address', length: 'bytes' },
    text: 'share {address} (+{length}) of task {task} with its children',
    footprint: touchMapped,
  }),
  'task.fork': kind({
    doc: "A process inherits its parent's heap; its memory follows range by range.",
    source: 'facts §9 "fork"; POSIX fork',
    fields: { task: 'task', parent: 'task' },
    text: 'task {task} is forked from task {parent}',
    footprint: (e, touch) => {
      touch('task', e.task, 'write');
      touch('task', e.parent, 'read');
    },
  }),
  'task.wait': kind({
    doc: 'waitpid returns: the process has ended.',
    source: 'POSIX waitpid',
    fields: { task: 'task' },
    text: 'wait for task {task}',
    footprint: (e, touch) => touch('task', e.task, 'read'),
    order: (e, order) => order.acquire(`task ${e.task}`),
  }),
  'vm.copy': kind({
    doc: 'A copy-on-write copy of a VM object begins: from now on old pages are pushed into it before a write.',
    source: 'facts §2.6; xnu osfmk/vm/vm_object.c vm_object_copy_delayed',
    fields: { object: 'id', copy: 'id' },
    text: 'object #{copy} becomes a delayed copy of object #{object}',
    footprint: (e, touch, world) => {
      const { copy, pages } = world.objects.get(e.object)!;
      touch('object', e.object, 'write');
      touch('object', e.copy, 'write');
      if (copy !== 0) touch('object', copy, 'write');
      touchTranslations(new Set(pages.values()), touch, world);
    },
  }),
  'vm.hold': kind({
    doc: 'A call of the process holds a VM object while it copies: a copy that is mapped nowhere yet, or what it copies.',
    source: 'facts §9 "a copy of the range through Mach or a pipe"; xnu vm_map.c vm_map_copyin_internal',
    fields: { task: 'task', object: 'id' },
    text: 'a call of task {task} holds object #{object}',
    footprint: touchHeld,
  }),
  'vm.release': kind({
    doc: 'The copy is in place: the call lets a VM object go.',
    source: 'xnu vm_map.c vm_map_copy_discard',
    fields: { task: 'task', object: 'id' },
    text: 'a call of task {task} lets object #{object} go',
    footprint: touchHeld,
  }),
  'vm.advise': kind({
    doc: 'madvise: how a range of an address space will be used.',
    source: 'facts §9 "madvise"; xnu bsd/kern/kern_mman.c',
    fields: { task: 'task', address: 'address', length: 'bytes', advice: advices },
    text: 'advise {address} (+{length}) of task {task}: {advice}',
    footprint: (e, touch, world) => {
      touch('task', e.task, 'read', e.address, e.address + e.length);
      for (const { start, end, object } of world.tasks.get(e.task)!.entries)
        if (start < e.address + e.length && end > e.address) touch('object', object, 'read');
    },
  }),
  'vm.terminate': kind({
    doc: 'Nothing refers to a VM object any more: its frames are free for anyone.',
    source: 'facts §9; xnu osfmk/vm/vm_object.c 1359-1392',
    fields: { object: 'id' },
    text: 'object #{object} ends, its frames are free',
    footprint: (e, touch, world) => {
      touch('object', e.object, 'write');
      touch('allocator', 0, 'write');
      const { pages, shadow } = world.objects.get(e.object)!;
      if (shadow !== 0) touch('object', shadow, 'write');
      for (const frame of pages.values()) {
        touch('frame', frame, 'write');
        if (isLow(world, frame)) touch('allocator', lowAllocator, 'write');
      }
    },
  }),
  'page.zero': kind({
    doc: 'A page of a VM object gets its first frame, filled with zeros.',
    source: 'facts §2.5 (3)',
    fields: { object: 'id', page: 'index', frame: 'frame' },
    text: 'zero-fill page {page} of object #{object} in frame {frame}',
    footprint: (e, touch, world) => {
      touchLookup(e.object, e.page, touch, world);
      touch('object', e.object, 'write', e.page, e.page + 1);
      touch('allocator', 0, 'write');
      touch('frame', e.frame, 'write');
    },
  }),
  'page.take': kind({
    doc: 'A frame becomes a bounce page, below 4 GiB where the machine has memory there. It is not cleared: what its last user left is in it.',
    source:
      'facts §4.6 "double-buffers"; xnu osfmk/vm/vm_resident.c vm_page_alloc_list 7525-7605, vm_page_grablo 3901-3955',
    fields: { object: 'id', page: 'index', frame: 'frame' },
    text: 'take frame {frame} as it is for page {page} of object #{object}',
    footprint: (e, touch, world) => {
      const low = isLow(world, e.frame);
      touch('object', e.object, 'write', e.page, e.page + 1);
      touch('allocator', low ? lowAllocator : 0, 'write');
      if (low) touch('frame', e.frame, 'read');
      touch('frame', e.frame, 'write');
    },
  }),
  'page.copy': kind({
    doc: 'A page is copied physically: taken up on a write, pushed into a snapshot before a write, or copied eagerly.',
    source: 'facts §2.5 (4), §2.6; xnu osfmk/vm/vm_fault.c 2300-2425, vm_object.c vm_object_copy_slowly',
    fields: { object: 'id', page: 'index', frame: 'frame', from: 'frame', reason: ['take', 'push', 'eager'] },
    text: 'copy frame {from} to page {page} of object #{object} in frame {frame} ({reason})',
    footprint: (e, touch, world) => {
      touchLookup(e.object, e.page, touch, world);
      touch('object', e.object, 'write', e.page, e.page + 1);
      touch('allocator', 0, 'write');
      touch('frame', e.from, 'read');
      touch('frame', e.frame, 'write');
      if (e.reason !== 'eager') touchTranslations(new Set([e.from]), touch, world);
    },
  }),
  'page.swap-out': kind({
    doc: 'Memory pressure: a page that is not wired leaves memory, and its frame is free for anyone.',
    source: 'facts §9 "swap-out / compression"',
    fields: { object: 'id', page: 'index', frame: 'frame' },
    text: 'swap out page {page} of object #{object}, frame {frame} is free',
    footprint: (e, touch, world) => {
      touch('object', e.object, 'write'); // wires in it are counted as a whole
      touch('allocator', 0, 'write');
      touch('frame', e.frame, 'write');
      touchTranslations(new Set([e.frame]), touch, world);
    },
  }),
  'page.free': kind({
    doc: 'MADV_FREE: nobody needs what the page holds. Memory pressure drops it, unless it is wired then or written before.',
    source: 'facts §9 "madvise"; xnu vm_object.c deactivate_pages_in_object',
    fields: { object: 'id', page: 'index', frame: 'frame' },
    text: 'page {page} of object #{object}, frame {frame}, may be dropped',
    footprint: (e, touch, world) => {
      touch('object', e.object, 'write');
      touchTranslations(new Set([e.frame]), touch, world);
    },
  }),
  'page.drop': kind({
    doc: 'The contents of a page that was given up are gone, from memory or (frame 0) from swap: the next touch finds zeros.',
    source: 'facts §9 "madvise"; xnu vm_object.c deactivate_pages_in_object',
    fields: { object: 'id', page: 'index', frame: 'frame' },
    text: 'drop page {page} of object #{object}, frame {frame}',
    footprint: (e, touch, world) => {
      touch('object', e.object, 'write');
      if (e.frame === 0) return;
      touch('allocator', 0, 'write');
      touch('frame', e.frame, 'write');
      touchTranslations(new Set([e.frame]), touch, world);
    },
  }),
  'page.swap-in': kind({
    doc: 'A page that was swapped out is needed again.',
    source: 'facts §9 "swap-out / compression"',
    fields: { object: 'id', page: 'index', frame: 'frame' },
    text: 'swap in page {page} of object #{object} to frame {frame}',
    footprint: (e, touch) => {
      touch('object', e.object, 'write', e.page, e.page + 1);
      touch('allocator', 0, 'write');
      touch('frame', e.frame, 'write');
    },
  }),
  'page.enter': kind({
    doc: 'A fault ends: the page is mapped for the CPU in one address space.',
    source: 'xnu osfmk/vm/vm_fault.c vm_fault_enter',
    fields: { task: 'task', address: 'address', frame: 'frame', writable: 'flag' },
    text: 'map page {address} of task {task} to frame {frame}, writable {writable}',
    footprint: (e, touch, world) => {
      const { pageSize } = world.machine;
      touch('task', e.task, 'write', e.address, e.address + pageSize);
      const { object, offset, start } = entryAt(world, e.task, e.address)!;
      const page = (offset + e.address - start) / pageSize;
      touchLookup(object, page, touch, world);
      // It may be written where the snapshot has the page.
      const { copy } = world.objects.get(object)!;
      if (copy !== 0) touch('object', copy, 'read', page, page + 1);
      // It is written: memory pressure keeps it.
      if (e.writable && world.frames.get(e.frame)!.discardable) touch('object', object, 'write', page, page + 1);
    },
  }),
  'page.wire': kind({
    doc: 'A page is wired for a descriptor: its frame stays until it is unwired, whatever the app does.',
    source: 'facts §2.5, §9; xnu osfmk/vm/vm_pageout.c vm_map_create_upl',
    fields: wire,
    text: 'wire frame {frame} (page {page} of object #{object}) as page {index} of descriptor #{descriptor}',
    footprint: touchWire,
  }),
  'page.unwire': kind({
    doc: 'A page is unwired.',
    source: 'facts §9',
    fields: wire,
    text: 'unwire frame {frame} (page {page} of object #{object}), page {index} of descriptor #{descriptor}',
    footprint: touchWire,
  }),
  'heap.allocate': kind({
    doc: 'The heap hands out a block: the newest free one of that capacity, else fresh memory.',
    source: 'facts §9 "free()", §2.6 (zones)',
    fields: { address: 'address', size: 'bytes', capacity: 'bytes', alignment: 'bytes', reused: 'flag' },
    text: 'allocate {size} bytes at {address}, reused {reused}',
    footprint: (_e, touch, world, actor) => touch('task', world.actors.get(actor)!.task, 'sync'),
    // Whoever gets a block again is behind whoever freed it: the heap has a lock of its own.
    order: (e, order, world, actor) => order.acquire(`block ${world.actors.get(actor)!.task} ${e.address}`),
  }),
  'heap.free': kind({
    doc: 'A block goes back to the heap; its pages stay mapped and its bytes stay as they are.',
    source: 'facts §9 "free()"',
    fields: { address: 'address' },
    text: 'free {address}',
    footprint: (_e, touch, world, actor) => touch('task', world.actors.get(actor)!.task, 'sync'),
    order: (e, order, world, actor) => order.release(`block ${world.actors.get(actor)!.task} ${e.address}`),
  }),
  'heap.zone': kind({
    doc: 'The heap takes a fresh region for small blocks.',
    source: 'facts §2.6 (malloc zones)',
    fields: { address: 'address', length: 'bytes' },
    text: 'heap zone at {address} (+{length})',
    footprint: (_e, touch, world, actor) => touch('task', world.actors.get(actor)!.task, 'sync'),
  }),
  'memory.load': kind({
    doc: 'A CPU load. The value follows from the world.',
    source: 'design idea 5 (log facts, derive data)',
    quiet: true,
    fields: { address: 'address', length: 'bytes' },
    text: 'load {length} bytes at {address}',
    footprint: (e, touch, world, actor) => touchBytes(e, 'read', touch, world, actor),
  }),
  'memory.store': kind({
    doc: 'A CPU store, with its bytes.',
    source: 'facts §9 "write"',
    quiet: true,
    fields: { address: 'address', length: 'bytes', bytes: 'data' },
    text: 'store {length} bytes at {address}: {bytes}',
    footprint: (e, touch, world, actor) => touchBytes(e, 'write', touch, world, actor),
  }),
  'memory.fill': kind({
    doc: 'A CPU store of one repeated byte, a piece of a memset.',
    source: 'facts §9 "write"',
    quiet: true,
    fields: { address: 'address', length: 'bytes', value: 'hex' },
    text: 'fill {length} bytes at {address} with {value}',
    footprint: (e, touch, world, actor) => touchBytes(e, 'write', touch, world, actor),
  }),
  'memory.copy': kind({
    doc: 'vm_copy: the kernel copies bytes into a page that others see too, by physical addresses.',
    source: 'facts §9 "a copy of the range through Mach or a pipe"; xnu vm_fault.c vm_fault_copy',
    fields: { from: 'address', to: 'address', length: 'bytes' },
    text: 'copy {length} bytes at {from} to {to}',
    footprint: (e, touch, { machine: { pageSize } }) => {
      const [from, to] = [e.from % pageSize, e.to % pageSize];
      touch('frame', Math.floor(e.from / pageSize), 'read', from, from + e.length);
      touch('frame', Math.floor(e.to / pageSize), 'write', to, to + e.length);
    },
  }),
  'memory.atomic': kind({
    doc: 'An atomic access, sequentially consistent. The old value and success follow from the world.',
    source: 'C11 7.17; CPU accesses of one aligned word are single-copy atomic',
    fields: {
      address: 'address',
      length: 'bytes',
      operation: atomicOperations,
      operands: 'data',
    },
    text: 'atomic {operation} of {length} bytes at {address}: {operands}',
    footprint: (e, touch, world, actor) => {
      eachPiece(world, world.actors.get(actor)!.task, e.address, e.length, (number, offset, length) => {
        const word = world.frames.get(number)!.bytes.subarray(offset, offset + length);
        const access = atomicStores(e.operation, e.operands, word) ? 'sync' : 'read';
        touch('frame', number, access, offset, offset + length);
      });
    },
    order: (e, order, world, actor) => {
      // By memory: processes that share it see it at addresses of their own.
      const entry = entryAt(world, world.actors.get(actor)!.task, e.address);
      const key = `atomic ${entry?.object} ${(entry?.offset ?? 0) + e.address - (entry?.start ?? 0)}`;
      if (e.operation !== 'store') order.acquire(key);
      if (e.operation !== 'load') order.release(key);
    },
  }),
};
