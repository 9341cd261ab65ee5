/** Plays a list of moves on one struct input, one synchronous call at a time, so that their order is given. */
import {
  IODMACommand,
  kIOMemoryDirectionIn,
  kIOMemoryDisableCopyOnWrite,
  KiB,
  load,
  type App,
  type IOMemoryDescriptor,
  type IOMemoryMap,
  type MachineOptions,
  type Program,
} from '../../index.ts';
import { obey } from './probe.ts';
import type { Method, Setup } from './run.ts';

/** What the first byte of the memory can be: as it was, rewritten by the app, written by the device. */
export const bytes = { old: 0xaa, new: 0x55, device: 0x33 } as const;

/**
 * - `write`: the app rewrites the memory
 * - `call`: the app passes the memory as a struct input; the dext keeps it
 * - `map`, `look`: the dext maps it (again), and reads through its newest mapping
 * - `prepare`, `read`, `complete`: for the device, which reads it
 * - `unmap`, `remap`: munmap; munmap and mmap at the same address, with new contents
 * - `wire in`, `device writes`, `unwire in`: the same addresses are prepared for In, and written by the device
 */
export type Move =
  | 'write'
  | 'call'
  | 'map'
  | 'look'
  | 'prepare'
  | 'read'
  | 'complete'
  | 'unmap'
  | 'remap'
  | 'wire in'
  | 'device writes'
  | 'unwire in';

export interface Played {
  /** What the dext saw, in order: the first byte through its newest mapping. */
  readonly looks: number[];
  /** What the device read, in order. */
  readonly reads: number[];
  /** Codes of `map` and `prepare`, in order. */
  readonly codes: number[];
}

export interface Play {
  readonly moves: readonly Move[];
  readonly size?: number;
  readonly allocate?: (app: App, size: number) => Program<number>;
  readonly machine?: Partial<MachineOptions>;
  /** Writes are told apart: each writes the number of its move, counted from 1, instead of one of {@link bytes}. */
  readonly counting?: boolean;
}

/** Selectors, in the order of the methods. */
const selectors = [
  'call',
  'map',
  'look',
  'prepare',
  'read',
  'complete',
  'wire in',
  'device writes',
  'unwire in',
] as const;

/** The scenario of a play; its result is what was seen. */
export function play({ moves, size = 32 * KiB, allocate, machine, counting = false }: Play): Setup<Played> {
  const played: Played = { looks: [], reads: [], codes: [] };
  let memory: IOMemoryDescriptor;
  let map: IOMemoryMap;
  let out: IODMACommand;
  let into: IODMACommand;
  let bus = 0;
  let busIn = 0;

  const methods: Record<(typeof selectors)[number], Method> = {
    *call(args) {
      memory = args.structureInputDescriptor!;
      yield* memory.retain();
      return 0;
    },
    *map() {
      const [code, made] = yield* memory.CreateMapping(0);
      played.codes.push(code);
      if (made !== null) map = made;
      return 0;
    },
    *look() {
      played.looks.push((yield* load(map.GetAddress(), 1))[0]!);
      return 0;
    },
    *prepare(_, client) {
      out = (yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 64 }))[1]!;
      const [code, , , segments] = yield* out.PrepareForDMA(0, memory, 0, 0);
      played.codes.push(code);
      bus = segments[0]?.address ?? 0;
      return 0;
    },
    *read(_, client) {
      yield* obey(client.pci, { command: 'read', address: bus, length: 1, local: played.reads.length });
      played.reads.push(0);
      return 0;
    },
    *complete() {
      return yield* out.CompleteDMA(0);
    },
    *'wire in'(args, client) {
      const range = { address: Number(args.scalarInput[0]), length: size };
      const options = kIOMemoryDirectionIn | kIOMemoryDisableCopyOnWrite;
      const [, target] = yield* client.CreateMemoryDescriptorFromClient(options, [range]);
      into = (yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 64 }))[1]!;
      const [, , , segments] = yield* into.PrepareForDMA(0, target, 0, 0);
      busIn = segments[0]!.address;
      return 0;
    },
    *'device writes'(args, client) {
      const value = counting ? Number(args.scalarInput[1]) : bytes.device;
      yield* obey(client.pci, { command: 'fill', length: 64, local: 128, count: value });
      yield* obey(client.pci, { command: 'write', address: busIn, length: 64, local: 128 });
      return 0;
    },
    *'unwire in'() {
      return yield* into.CompleteDMA(0);
    },
  };

  return {
    machine: machine ?? {},
    method: selectors.map((name) => methods[name]),
    *app(app, connect) {
      const buffer = allocate === undefined ? yield* app.mmap(size) : yield* allocate(app, size);
      yield* app.memset(buffer, bytes.old, 64);
      for (const [index, move] of moves.entries()) {
        const value = counting ? index + 1 : bytes.new;
        if (move === 'write') yield* app.memset(buffer, value, 64);
        else if (move === 'unmap') yield* app.munmap(buffer, size);
        else if (move === 'remap') {
          yield* app.munmap(buffer, size);
          yield* app.mmap(size, buffer);
          yield* app.memset(buffer, value, 64);
        } else {
          const [input, length] = move === 'call' ? [buffer, size] : [0, 0];
          const scalars = [BigInt(buffer), BigInt(value)];
          yield* app.IOConnectCallMethod(connect, selectors.indexOf(move), scalars, input, length, 0, 0, 0);
        }
      }
      return played;
    },
  };
}

/** What a play's device read, out of its local memory. */
export function readBy(played: Played, deviceMemory: Uint8Array): number[] {
  return [...deviceMemory.subarray(0, played.reads.length)];
}
