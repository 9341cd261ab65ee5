/** Performs the random plans of `plan.ts`. */
import {
  IOBufferMemoryDescriptor,
  IODispatchQueue,
  IODMACommand,
  IOMemoryDescriptor,
  kIOMemoryDirectionInOut,
  kIOMemoryDirectionOut,
  KiB,
  load,
  note,
  OSData,
  MADV_FREE,
  PROT_READ,
  PROT_WRITE,
  store,
  type App,
  type IOMemoryMap,
  type Operation,
  type Program,
} from '../../index.ts';
import { alignDown } from '../../core/units.ts';
import type { AppStep, Death, DextStep, Plan } from './plan.ts';
import { done, order } from './probe.ts';
import type { Setup, TestClient } from './run.ts';

interface Slot {
  readonly address: number;
  readonly size: number;
  readonly how: 'heap' | 'mmap';
}

const at = <T>(list: readonly T[], index: number): T | undefined =>
  list.length === 0 ? undefined : list[index % list.length];
const take = <T>(list: T[], index: number): T | undefined => list.splice(index % Math.max(list.length, 1), 1)[0];

/** A descriptor or a mapping, and whether the dext may write through it. */
interface Held<T> {
  readonly it: T;
  readonly writable: boolean;
}

const canWrite = (options: number): boolean => (options & kIOMemoryDirectionInOut) !== kIOMemoryDirectionOut;

/** What the dext holds from one call to the next. */
class Dext {
  private readonly memories: Held<IOMemoryDescriptor>[] = [];
  private readonly maps: Held<IOMemoryMap>[] = [];
  private readonly commands: { command: IODMACommand; address: number; length: number }[] = [];
  private readonly shared: IOBufferMemoryDescriptor[] = [];
  private busy = false;

  /** Performs the steps with the call's own descriptors, which live no longer than the call unless a step keeps them. */
  *perform(
    steps: readonly DextStep[],
    own: readonly Held<IOMemoryDescriptor>[],
    client: TestClient,
    base: number,
  ): Program {
    for (const step of steps) yield* this.step(step, [...own, ...this.memories], client, base);
  }

  private *step(step: DextStep, all: readonly Held<IOMemoryDescriptor>[], client: TestClient, base: number): Program {
    const memory = at(all, 'pick' in step ? step.pick : 0);
    switch (step.do) {
      case 'keep':
        if (memory === undefined) return;
        yield* memory.it.retain();
        this.memories.push(memory);
        return;
      case 'describe': {
        const ranges = step.ranges.map(([from, bytes]) => ({ address: base + from, length: bytes }));
        const [, made] = yield* client.CreateMemoryDescriptorFromClient(step.options, ranges);
        if (made !== null) this.memories.push({ it: made, writable: canWrite(step.options) });
        return;
      }
      case 'part': {
        if (memory === undefined) return;
        const { options, offset, length } = step;
        const [, made] = yield* IOMemoryDescriptor.CreateSubMemoryDescriptor(options, offset, length, memory.it);
        if (made !== null) this.memories.push({ it: made, writable: memory.writable && canWrite(options) });
        return;
      }
      case 'join': {
        const parts = step.picks.map((pick) => at(all, pick)).filter((part) => part !== undefined);
        const given = parts.map(({ it }) => it);
        const [, made] = yield* IOMemoryDescriptor.CreateWithMemoryDescriptors(step.options, given);
        const writable = canWrite(step.options) && parts.every((part) => part.writable);
        if (made !== null) this.memories.push({ it: made, writable });
        return;
      }
      case 'map': {
        if (memory === undefined) return;
        const [, map] = yield* memory.it.CreateMapping(0, 0, step.offset, step.length);
        if (map !== null) this.maps.push({ it: map, writable: memory.writable });
        return;
      }
      case 'unmap': {
        const map = take(this.maps, step.pick);
        if (map !== undefined) yield* map.it.release();
        return;
      }
      case 'look':
      case 'poke': {
        const map = at(this.maps, step.pick);
        if (map === undefined) return;
        const address = map.it.GetAddress() + (step.offset % map.it.GetLength());
        if (step.do === 'look') yield* load(address, 1);
        else if (map.writable) yield* store(address, Uint8Array.of(step.offset & 0xff));
        return;
      }
      case 'prepare': {
        if (memory === undefined) return;
        const [, command] = yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: step.bits });
        const held = { command: command!, address: 0, length: 0 };
        this.commands.push(held);
        yield* prepare(held, memory.it, step.offset, step.length);
        return;
      }
      case 'prepare again': {
        const held = at(this.commands, step.offset);
        if (memory !== undefined && held !== undefined) yield* prepare(held, memory.it, step.offset, step.length);
        return;
      }
      case 'perform': {
        const { options, offset, length } = step;
        yield* (
          at(this.commands, offset)?.command.PerformOperation(options, offset, length, 0, memory?.it ?? null) ?? []
        );
        return;
      }
      case 'complete':
        yield* at(this.commands, step.pick)?.command.CompleteDMA(0) ?? [];
        return;
      case 'release':
        yield* take(this.commands, step.pick)?.command.release() ?? [];
        return;
      case 'device reads':
      case 'device writes': {
        const held = at(this.commands, step.pick);
        if (held === undefined || held.length === 0) return;
        yield* this.idle(client);
        const from = step.offset % held.length;
        const bytes = Math.min(step.length, held.length - from);
        const command = step.do === 'device reads' ? 'read' : 'write';
        yield* order(client.pci, { command, address: held.address + from, length: bytes, local: 256 });
        this.busy = true;
        return;
      }
      case 'await':
        yield* this.idle(client);
    }
  }

  /** Waits for the device's last order. */
  *idle({ pci }: TestClient): Program {
    if (this.busy) yield* done(pci);
    this.busy = false;
  }

  /** What the app can map: the same memory of a type every time. */
  *share(type: number): Program<IOBufferMemoryDescriptor> {
    this.shared[type] ??= (yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 5_000))[1]!;
    yield* this.shared[type].retain();
    return this.shared[type];
  }

  /** Gives everything back. */
  *drop(client: TestClient): Program {
    yield* this.idle(client);
    for (const memory of this.shared.filter((made) => made !== undefined)) yield* memory.release();
    for (const { command } of this.commands.splice(0)) yield* command.release();
    for (const { it } of this.maps.splice(0)) yield* it.release();
    for (const { it } of this.memories.splice(0)) yield* it.release();
  }
}

function* prepare(
  held: { command: IODMACommand; address: number; length: number },
  memory: IOMemoryDescriptor,
  from: number,
  bytes: number,
): Program {
  const [code, , , segments] = yield* held.command.PrepareForDMA(0, memory, from, bytes);
  if (code === 0) Object.assign(held, segments[0]);
}

function* diesAfter(steps: number, death: Operation<unknown>): Program {
  for (let i = 0; i < steps; i += 1) yield* note('lives');
  yield* death;
}

/** What all threads share. */
interface Shared {
  readonly connect: number;
  readonly port: number;
  readonly mutex: number;
}

/** One app thread: performs its steps on buffers of its own. */
function* thread(app: App, steps: readonly AppStep[], number: number, { connect, port, mutex }: Shared): Program {
  // Something to begin with: pages that can be remapped, and a part of a malloc zone.
  const slots: Slot[] = [
    { address: yield* app.mmap(16 * KiB), size: 16 * KiB, how: 'mmap' },
    { address: yield* app.malloc(14_000), size: 14_000, how: 'heap' },
  ];
  for (const [index, step] of steps.entries()) {
    if ('size' in step) {
      if (step.do === 'mmap') slots.push({ address: yield* app.mmap(step.size), size: step.size, how: 'mmap' });
      else {
        const alignment = step.do === 'memalign' ? 4 * KiB : 16;
        slots.push({ address: (yield* app.posix_memalign(alignment, step.size))[1], size: step.size, how: 'heap' });
      }
    } else {
      const slot = at(slots, step.slot);
      if (slot === undefined) continue;
      const { address, size: room, how } = slot;
      const from = 'offset' in step ? step.offset % room : 0;
      const bytes = 'length' in step ? Math.min(step.length, room - from) : 0;
      switch (step.do) {
        case 'free':
          slots.splice(slots.indexOf(slot), 1);
          yield* how === 'heap' ? app.free(address) : app.munmap(address, room);
          break;
        case 'remap':
          if (how === 'mmap') yield* app.mmap(room, address);
          break;
        case 'memset':
          yield* app.memset(address + from, step.value, bytes);
          break;
        case 'store':
          yield* app.store(address + from, new Uint8Array(bytes).fill(step.value));
          break;
        case 'load':
          yield* app.load(address + from, bytes);
          break;
        case 'protect': {
          const first = alignDown(address, 4 * KiB) + step.page * 4 * KiB;
          // What a zone has around the block is the other thread's.
          if (first < address || first + 4 * KiB > address + room) break;
          if ((yield* app.mprotect(first, 4 * KiB, step.protection)) !== 0) break;
          if (step.protection === PROT_READ) yield* app.load(first, 1);
          yield* app.mprotect(first, 4 * KiB, PROT_READ | PROT_WRITE);
          break;
        }
        case 'pressure':
          yield* app.reclaim();
          break;
        case 'advise':
          // What a zone has in the same page is the other thread's.
          if (how !== 'mmap') break;
          yield* app.memset(address + from, 1, 1);
          yield* app.madvise(address + from, bytes, MADV_FREE);
          if (step.other % 2 === 1) yield* app.reclaim();
          break;
        case 'copy': {
          const to = at(slots, step.other)!;
          yield* app.vm_copy(address + from, Math.min(bytes, to.size), to.address);
          break;
        }
        case 'fork': {
          const child = yield* app.fork(`child${number}`, () => app.memset(address, step.value, Math.min(room, 200)));
          if (step.wait) yield* app.waitpid(child);
          break;
        }
        case 'share': {
          const [, mapped, bytesMapped] = yield* app.IOConnectMapMemory64(connect, number);
          yield* app.memset(mapped, step.value, Math.min(bytesMapped, 100));
          if (step.unmap) yield* app.IOConnectUnmapMemory64(connect, number, mapped);
          break;
        }
        case 'add':
          if (step.locked) yield* app.pthread_mutex_lock(mutex);
          yield* app.atomic_fetch_add(address + from, 1n, 1);
          if (step.locked) yield* app.pthread_mutex_unlock(mutex);
          break;
        case 'call': {
          const call = [
            [BigInt(number), BigInt(index), BigInt(address)],
            address + from,
            bytes,
            0,
            address,
            Math.min(step.output, room),
          ] as const;
          if (step.asynchronous) {
            yield* app.IOConnectCallAsyncMethod(connect, 0, port, [], ...call);
            yield* app.mach_msg_receive(port);
          } else yield* app.IOConnectCallMethod(connect, 0, ...call);
        }
      }
    }
  }
}

/**
 * The scenario of a plan. Nothing is left of it at the end: the dext gives everything back in Stop.
 * With `racing`, every other call leaves its steps to a second queue of the dext, without any lock. Deaths come on
 * threads of their own; the dext that is started again lives on.
 */
export function setupOf(plan: Plan, racing = false, deaths: readonly Death[] = []): Setup<void> {
  let dext = new Dext();
  let queue: IODispatchQueue;
  /** The driver's number in its first life, which is the same in every run. */
  let first: number | undefined;
  return {
    machine: plan.machine,
    *start({ service }) {
      dext = new Dext();
      [, queue] = yield* IODispatchQueue.Create('other');
      first ??= service;
      if (service !== first) return;
      for (const { after } of deaths.filter(({ of }) => of === 'dext')) {
        const [, dying] = yield* IODispatchQueue.Create('dying');
        yield* dying.DispatchAsync(() => diesAfter(after, load(0, 1)));
      }
    },
    *method(args, client) {
      const [number, index, base] = args.scalarInput.map(Number);
      const step = plan.threads[number!]![index!]!;
      if (step.do !== 'call') throw new Error('not a call');
      const own: Held<IOMemoryDescriptor>[] = [];
      if (args.structureInputDescriptor !== null) own.push({ it: args.structureInputDescriptor, writable: false });
      if (args.structureOutputDescriptor !== null) own.push({ it: args.structureOutputDescriptor, writable: true });
      if (racing && index! % 2 === 0) {
        for (const { it } of own) yield* it.retain();
        yield* queue.DispatchAsync(function* () {
          yield* dext.perform(step.dext, own, client, base!);
          for (const { it } of own) yield* it.release();
        });
      } else yield* dext.perform(step.dext, own, client, base!);
      const room = args.structureOutputDescriptor === null ? args.structureOutputMaximumSize : 0;
      if (room > 0) args.structureOutput = OSData.withBytes(new Uint8Array(Math.min(room, 5)).fill(0xee));
      if (args.completion !== null) yield* client.AsyncCompletion(args.completion, 0);
      return 0;
    },
    *clientMemory(type) {
      return [0, 0, yield* dext.share(type)];
    },
    stop: (client) => dext.drop(client),
    *app(app, connect) {
      const shared: Shared = {
        connect,
        port: yield* app.IONotificationPortCreate(),
        mutex: yield* app.pthread_mutex_init(),
      };
      for (const { after } of deaths.filter(({ of }) => of === 'app'))
        yield* app.pthread_create('killer', () => diesAfter(after, app.kill()));
      const [main = [], second = []] = plan.threads;
      const other = yield* app.pthread_create('second', () => thread(app, second, 1, shared));
      yield* thread(app, main, 0, shared);
      yield* app.pthread_join(other);
    },
  };
}
