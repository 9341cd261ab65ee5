/** A device that does as it is told, one DMA transfer or interrupt at a time, and how a dext tells it. */
import { type Device, type DeviceModel, type IOPCIDevice, type Program } from '../../index.ts';
import { beatStatuses, type BeatStatus } from '../../core/pcie/kinds.ts';

/** Registers of BAR 0. A write to `command` starts it; `status` is 1 + 16 × what became of the beats when it is done. */
export const probeRegisters = {
  address: 0x00,
  length: 0x08,
  local: 0x0c,
  command: 0x10,
  status: 0x14,
  count: 0x18,
} as const;
export const probeCommands = { read: 1, write: 2, interrupt: 3, fill: 4 } as const;
/** Bytes of BAR 0. */
export const probeBar = 0x100;

const { address, length, local, command, status, count } = probeRegisters;

function* engine(device: Device): Program {
  for (;;) {
    const write = yield* device.nextWrite();
    if (write.offset !== command) continue;
    const at = Number(yield* device.register(0, address, 8));
    const size = Number(yield* device.register(0, length, 4));
    const from = Number(yield* device.register(0, local, 4));
    const times = Number(yield* device.register(0, count, 4));
    const transfer = { request: 1, segment: 0 };
    let outcome: BeatStatus = 'ok';
    if (write.value === BigInt(probeCommands.read)) outcome = yield* device.readMemory(transfer, at, size, from);
    if (write.value === BigInt(probeCommands.write)) outcome = yield* device.writeMemory(transfer, at, size, from);
    if (write.value === BigInt(probeCommands.fill)) yield* device.fill(from, size, times);
    if (write.value === BigInt(probeCommands.interrupt)) {
      for (let sent = 0; sent < times; sent += 1) yield* device.interrupt(0);
    }
    yield* device.setRegister(0, status, 4, BigInt(1 + 16 * beatStatuses.indexOf(outcome)));
  }
}

/** The device's model. */
export function probe(): DeviceModel {
  return { name: 'probe', bars: [probeBar], memory: 256 * 1024, engines: (device) => ({ probe: engine(device) }) };
}

/** What {@link order} tells the device. */
export interface Order {
  readonly command: keyof typeof probeCommands;
  readonly address?: number;
  readonly length?: number;
  readonly local?: number;
  /** Interrupts to send, or the byte to fill with. */
  readonly count?: number;
}

/** Writes the registers; the device begins. */
export function* order(pci: IOPCIDevice, what: Order): Program {
  yield* pci.MemoryWrite32(0, status, 0);
  yield* pci.MemoryWrite64(0, address, BigInt(what.address ?? 0));
  yield* pci.MemoryWrite32(0, length, what.length ?? 0);
  yield* pci.MemoryWrite32(0, local, what.local ?? 0);
  yield* pci.MemoryWrite32(0, count, what.count ?? 0);
  yield* pci.MemoryWrite32(0, command, probeCommands[what.command]);
}

/** Polls until the device is done; evaluates to what became of its beats. */
export function* done(pci: IOPCIDevice): Program<BeatStatus> {
  for (;;) {
    const value = yield* pci.MemoryRead32(0, status);
    if ((value & 1) === 1) return beatStatuses[value >> 4]!;
  }
}

/** Tells the device and waits for it. */
export function* obey(pci: IOPCIDevice, what: Order): Program<BeatStatus> {
  yield* order(pci, what);
  return yield* done(pci);
}
