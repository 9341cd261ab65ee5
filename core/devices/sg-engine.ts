/**
 * A scatter-gather DMA engine, in the manner of the engines on FPGA boards.
 *
 * The driver keeps a ring of descriptors in memory, each one segment, and writes the
 * ring's tail to the doorbell. The engine fetches new descriptors by DMA, gathers the
 * segments of a request up to the one marked last, and hands it to one of its channels.
 * A channel moves the segments one after the other, then writes the status into the
 * request's last descriptor and sends an MSI. Several requests are in flight at once.
 *
 * Registers (BAR 0):
 *   0x00  ring base, bus address      8 bytes
 *   0x08  ring size, in descriptors   4 bytes
 *   0x0c  tail: the doorbell          4 bytes
 *   0x10  head, read-only             4 bytes
 *
 * Descriptor, 32 bytes, little-endian:
 *   0   bus address of the segment      8
 *   8   length of the segment, bytes    4
 *   12  flags: bit 0 device writes memory, bit 1 last of its request   4
 *   16  request number                  4
 *   20  offset in local memory          4
 *   24  status, written by the device: bit 0 done, above it what failed (see `sgStatusOf`)   4
 *   28  zero                            4
 */
import type { Program } from '../operation.ts';
import { KiB, MiB, viewOf } from '../units.ts';
import { beatStatuses, type BeatStatus } from '../pcie/kinds.ts';
import type { Device, DeviceModel } from './device.ts';

/** Register offsets in BAR 0. */
export const sgRegisters = { ringBase: 0x00, ringSize: 0x08, tail: 0x0c, head: 0x10 } as const;
/** Bytes of a descriptor. */
export const sgDescriptorSize = 32;
/** Descriptor flags. */
export const sgFlags = { deviceWrites: 1, last: 2 } as const;
/** Offset of the status word in a descriptor. */
export const sgStatusOffset = 24;

/** The status word of a finished request: done, and what failed, as far as the engine can know: of its writes it hears nothing. */
export function sgStatusOf(outcome: BeatStatus): number {
  return 1 | (beatStatuses.indexOf(outcome) << 1);
}

export interface SgEngineOptions {
  /** Requests in flight at once. */
  readonly channels?: number;
  /** Bytes of local memory. */
  readonly memory?: number;
  /** A byte that fills the data part of local memory from the start: what the device has captured. */
  readonly contents?: number;
}

interface Segment {
  readonly address: number;
  readonly length: number;
  readonly deviceWrites: boolean;
  readonly local: number;
}

interface Request {
  readonly number: number;
  readonly segments: Segment[];
  /** Bus address of the last descriptor: where the status goes. */
  readonly statusAt: number;
  /** Where in local memory that descriptor lies. */
  readonly slot: number;
}

/** Fetched descriptors lie at the start of local memory, so data belongs above this offset. */
export const sgDataStart: number = 4 * KiB;
const requests = 0;

/** Makes the engine's model, for a scenario's `device`. */
export function sgEngine({ channels = 2, memory = 1 * MiB, contents }: SgEngineOptions = {}): DeviceModel {
  return {
    name: 'sg',
    bars: [4 * KiB],
    memory,
    engines(device) {
      const engines: Record<string, Program> = { fetch: fetch(device, memory, contents) };
      for (let channel = 0; channel < channels; channel += 1) engines[`dma${channel}`] = serve(device);
      return engines;
    },
  };
}

/** Takes doorbells, fetches the new descriptors and hands out complete requests. */
function* fetch(device: Device, memory: number, contents: number | undefined): Program {
  if (contents !== undefined) yield* device.fill(sgDataStart, memory - sgDataStart, contents);
  let head = 0;
  let segments: Segment[] = [];
  for (;;) {
    const { bar, offset, value } = yield* device.nextWrite();
    if (bar !== 0 || offset !== sgRegisters.tail) continue;
    const base = Number(yield* device.register(0, sgRegisters.ringBase, 8));
    const size = Number(yield* device.register(0, sgRegisters.ringSize, 4));
    const tail = Number(value) % Math.max(size, 1);
    while (head !== tail) {
      const slot = (head * sgDescriptorSize) % sgDataStart;
      const address = base + head * sgDescriptorSize;
      const fetched = yield* device.readMemory({ request: 0, segment: head }, address, sgDescriptorSize, slot);
      if (fetched !== 'ok') break;
      const descriptor = viewOf(yield* device.peek(slot, sgDescriptorSize));
      const flags = descriptor.getUint32(12, true);
      segments.push({
        address: Number(descriptor.getBigUint64(0, true)),
        length: descriptor.getUint32(8, true),
        deviceWrites: (flags & sgFlags.deviceWrites) !== 0,
        local: descriptor.getUint32(20, true),
      });
      if ((flags & sgFlags.last) !== 0) {
        const number = descriptor.getUint32(16, true);
        yield* device.push(requests, { number, segments, statusAt: address + sgStatusOffset, slot } satisfies Request);
        segments = [];
      }
      head = (head + 1) % size;
      yield* device.setRegister(0, sgRegisters.head, 4, BigInt(head));
    }
  }
}

/** One channel: moves requests, one at a time. */
function* serve(device: Device): Program {
  for (;;) {
    const { number, segments, statusAt, slot } = yield* device.pop<Request>(requests);
    let outcome: BeatStatus = 'ok';
    for (let index = 0; index < segments.length && outcome === 'ok'; index += 1) {
      const { address, length, deviceWrites, local } = segments[index]!;
      const transfer = { request: number, segment: index };
      outcome = deviceWrites
        ? yield* device.writeMemory(transfer, address, length, local)
        : yield* device.readMemory(transfer, address, length, local);
    }
    const statusSlot = slot + sgStatusOffset;
    yield* device.storeWord(statusSlot, BigInt(sgStatusOf(outcome)), 4);
    yield* device.writeMemory({ request: number, segment: segments.length }, statusAt, 4, statusSlot);
    yield* device.interrupt(0);
  }
}
