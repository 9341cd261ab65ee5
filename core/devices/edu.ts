/**
 * QEMU's educational device, to its public specification (QEMU, docs/specs/edu.rst).
 *
 * Registers (BAR 0), 4 bytes each; from 0x80 on 4 or 8. What is not here reads all ones and ignores writes.
 *   0x00  identification, read-only: 0x010000ed
 *   0x04  liveness: reads as the inverse of what was written
 *   0x08  factorial: a value written here is replaced by its factorial, modulo 2^32
 *   0x20  status: 0x01 computing, read-only; 0x80 raise interrupt 0x01 when the factorial is there
 *   0x24  interrupt status, read-only
 *   0x60  raise, write-only: the value's bits go into the interrupt status, and an MSI is sent
 *   0x64  acknowledge, write-only: the value's bits go out of it
 *   0x80  DMA source   0x88  DMA destination   0x90  DMA count
 *   0x98  DMA command: 0x01 start, and running; 0x02 from the device to memory; 0x04 raise interrupt 0x100 at the end
 *
 * The device's side of a transfer is a buffer of 4096 bytes at 0x40000 that only DMA reaches.
 */
import type { Program } from '../operation.ts';
import type { RegisterAccess } from '../pcie/state.ts';
import { KiB, MiB } from '../units.ts';
import type { Device, DeviceModel } from './device.ts';
import type { Registers } from './registers.ts';

/** Register offsets in BAR 0. */
export const eduRegisters = {
  identification: 0x00,
  liveness: 0x04,
  factorial: 0x08,
  status: 0x20,
  interruptStatus: 0x24,
  raise: 0x60,
  acknowledge: 0x64,
  dmaSource: 0x80,
  dmaDestination: 0x88,
  dmaCount: 0x90,
  dmaCommand: 0x98,
} as const;
/** Bits of the status register. */
export const eduStatus = { computing: 0x01, interrupt: 0x80 } as const;
/** Bits of the DMA command register. */
export const eduDMA = { run: 0x01, toMemory: 0x02, interrupt: 0x04 } as const;
/** Bits of the interrupt status that the device sets by itself. */
export const eduInterrupts = { factorial: 0x01, dma: 0x100 } as const;
/** Where the buffer lies, as DMA sees it, and its bytes. */
export const eduBuffer = { address: 0x40000, size: 4 * KiB } as const;

const r = eduRegisters;
const identification = 0x0100_00edn;
const dmaRegisters = 0x80;
const writeOnly: readonly number[] = [r.raise, r.acknowledge];
const known: ReadonlySet<number> = new Set(Object.values(eduRegisters));

export interface EduOptions {
  /** Bus addresses are cut to these bits: 28 of them unless told otherwise. */
  readonly dmaMask?: number;
}

/** Makes the device's model, for a scenario's `device`. */
export function edu({ dmaMask = 2 ** 28 - 1 }: EduOptions = {}): DeviceModel {
  return {
    name: 'edu',
    bars: [1 * MiB],
    memory: eduBuffer.size,
    vendorID: 0x1234,
    deviceID: 0x11e8,
    powerUp: (registers) => registers.set(r.identification, identification),
    read: (registers, access) =>
      exists(access) && !writeOnly.includes(access.offset)
        ? registers.get(access.offset, access.width)
        : BigInt.asUintN(8 * access.width, -1n),
    write: (registers, access) => {
      if (exists(access)) write(registers, access.offset, access.value);
    },
    engines: (device) => ({
      control: control(device),
      factorial: factorial(device),
      dma: dma(device, BigInt(dmaMask)),
    }),
  };
}

/** Whether there is a register for accesses of that width. */
function exists({ offset, width }: RegisterAccess): boolean {
  return known.has(offset) && (width === 4 || (width === 8 && offset >= dmaRegisters));
}

const set = (registers: Registers, offset: number, bits: bigint): void =>
  registers.set(offset, registers.get(offset) | bits);
const clear = (registers: Registers, offset: number, bits: bigint): void =>
  registers.set(offset, registers.get(offset) & ~bits);
const computing = BigInt(eduStatus.computing);
const running = BigInt(eduDMA.run);

/** What a write changes at once. */
function write(registers: Registers, offset: number, value: bigint): void {
  switch (offset) {
    case r.liveness:
      registers.set(offset, ~value);
      return;
    case r.factorial:
      // "This happens only after factorial bit in the status register is cleared."
      if ((registers.get(r.status) & computing) !== 0n) return;
      registers.set(offset, value);
      set(registers, r.status, computing);
      return;
    case r.status:
      registers.set(offset, (registers.get(offset) & computing) | (value & BigInt(eduStatus.interrupt)));
      return;
    case r.raise:
      set(registers, r.interruptStatus, value);
      return;
    case r.acknowledge:
      clear(registers, r.interruptStatus, value);
      return;
    case r.dmaSource:
    case r.dmaDestination:
    case r.dmaCount:
    case r.dmaCommand: {
      const busy = (registers.get(r.dmaCommand) & running) !== 0n;
      // A transfer that runs is not disturbed; a command that does not start one is ignored.
      if (busy || (offset === r.dmaCommand && (value & running) === 0n)) return;
      registers.set(offset, value, 8);
    }
  }
}

const factorials = 0;
const transfers = 1;

/** Hands out the work that register writes make. */
function* control(device: Device): Program {
  for (;;) {
    const { offset } = yield* device.nextWrite();
    if (offset === r.raise) yield* device.interrupt();
    if (offset === r.factorial) yield* device.push(factorials, null);
    if (offset === r.dmaCommand) yield* device.push(transfers, null);
  }
}

function* raise(device: Device, bits: number): Program {
  yield* device.updateRegister(0, r.interruptStatus, 4, (old) => old | BigInt(bits));
  yield* device.interrupt();
}

function* factorial(device: Device): Program {
  for (;;) {
    yield* device.pop(factorials);
    const status = yield* device.register(0, r.status, 4);
    if ((status & computing) === 0n) continue; // the write was ignored
    let product = 1n;
    for (let factor = yield* device.register(0, r.factorial, 4); factor > 0n && product !== 0n; factor -= 1n) {
      product = BigInt.asUintN(32, product * factor);
    }
    yield* device.setRegister(0, r.factorial, 4, product);
    yield* device.updateRegister(0, r.status, 4, (old) => old & ~computing);
    const after = yield* device.register(0, r.status, 4);
    if ((after & BigInt(eduStatus.interrupt)) !== 0n) yield* raise(device, eduInterrupts.factorial);
  }
}

function* dma(device: Device, mask: bigint): Program {
  for (let request = 1; ;) {
    yield* device.pop(transfers);
    const command = Number(yield* device.register(0, r.dmaCommand, 8));
    if ((command & eduDMA.run) === 0) continue; // the write was ignored
    const source = yield* device.register(0, r.dmaSource, 8);
    const destination = yield* device.register(0, r.dmaDestination, 8);
    const length = Number(yield* device.register(0, r.dmaCount, 8));
    const toMemory = (command & eduDMA.toMemory) !== 0;
    const local = Number(toMemory ? source : destination) - eduBuffer.address;
    const address = Number((toMemory ? destination : source) & mask);
    const transfer = { request, segment: 0 };
    // Outside of the buffer there is nothing to move.
    if (local >= 0 && local + length <= eduBuffer.size) {
      if (toMemory) yield* device.writeMemory(transfer, address, length, local);
      else yield* device.readMemory(transfer, address, length, local);
    }
    yield* device.updateRegister(0, r.dmaCommand, 8, (old) => old & ~running);
    if ((command & eduDMA.interrupt) !== 0) yield* raise(device, eduInterrupts.dma);
    request += 1;
  }
}
