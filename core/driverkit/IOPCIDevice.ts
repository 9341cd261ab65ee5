import {
  kIOReturnBadArgument,
  kIOReturnNoDevice,
  kIOReturnNotFound,
  kIOReturnNotOpen,
  kIOReturnOverrun,
  kIOReturnSuccess,
  kIOReturnUnsupported,
} from '../codes.ts';
import { modelOf } from '../devices/device.ts';
import { Registers } from '../devices/registers.ts';
import { wordOf } from '../memory/atomics.ts';
import { act, Crash, now, refuse, type Program, type Step } from '../operation.ts';
import { commandHas, kIOPCICommandMemorySpace } from '../pcie/bus.ts';
import { behindPosted } from '../pcie/link.ts';
import { resetKeepingConfiguration } from '../pcie/reset.ts';
import type { Device } from '../pcie/state.ts';
import { hex, KiB } from '../units.ts';
import type { IOService } from './IOService.ts';
import { OSObject } from './objects.ts';

/** A property of the driver: all its register accesses go through the kernel (IOPCIFamilyDefinitions.h 128). */
export const kIOPCIKernelMemoryAccess = 'IOPCIKernelMemoryAccess';
/** An option of a register access: it can wait, and goes through the kernel (IOPCIFamilyDefinitions.h 510-516). */
export const kIOPCIAccessLatencyTolerantHint = 1;

/** Where a register access goes. */
interface Reach {
  readonly bar: number;
  /** Bytes of the BAR. */
  readonly size: number;
  /** Through the kernel (`_MemoryAccess`), or to a mapping in the dext. */
  readonly kernel: boolean;
}

/** The PCI nub that a driver is started on (facts §7.1). */
export class IOPCIDevice extends OSObject {
  private session: 'never' | 'open' | 'closed' = 'never';
  /** The service that has opened it. */
  private client: IOService | undefined = undefined;

  /** Errors: `kIOReturnNotOpen` when another client has the session. Does not enable bus lead or memory space. */
  *Open(client: IOService): Program<number> {
    const call = 'IOPCIDevice::Open';
    const code = yield* act(call, 'kernel', (step) => {
      if (step.world.devices.get(this.id)!.openedBy === 0) {
        step.emit({ kind: 'pci.open', device: this.id, service: client.service });
        return kIOReturnSuccess;
      }
      step.look('config', this.id);
      step.emit({ kind: 'refuse', code: kIOReturnNotOpen, call });
      return kIOReturnNotOpen;
    });
    if (code === kIOReturnSuccess) {
      this.session = 'open';
      this.client = client;
    }
    return code;
  }

  /** Clears bus lead and memory space. Register accesses afterwards crash the dext. A second close does nothing. */
  *Close(client: IOService): Program {
    const call = 'IOPCIDevice::Close';
    const closed = yield* act(call, 'kernel', (step) => {
      if (step.world.devices.get(this.id)!.openedBy === client.service) {
        step.emit({ kind: 'pci.close', device: this.id, service: client.service });
        return true;
      }
      step.look('config', this.id);
      step.emit({ kind: 'refuse', code: kIOReturnSuccess, call });
      return false;
    });
    if (closed) this.session = 'closed';
  }

  /**
   * Resets the device, which begins anew: registers are as after power-up. Configuration space is saved before and
   * restored after it (IOPCIDevice.iig 540-551, IOPCIBridge.cpp 2333). Needs no session. Errors: `kIOReturnNoDevice` when
   * it is gone.
   */
  *Reset(_resetType: number, _options = 0): Program<number> {
    const call = 'IOPCIDevice::Reset';
    return yield* act(call, 'kernel', (step) => {
      if (step.world.devices.get(this.id)!.present) {
        resetKeepingConfiguration(step, this.id);
        return kIOReturnSuccess;
      }
      step.look('config', this.id);
      step.emit({ kind: 'refuse', code: kIOReturnNoDevice, call });
      return kIOReturnNoDevice;
    });
  }

  /**
   * Asks for interrupt vectors: at least `numRequired`, at best `numRequested`; a power of two comes of it. Errors:
   * `kIOReturnBadArgument` for counts of 0, more required than requested, or options; `kIOReturnUnsupported` when
   * vectors were set up before and are too few (facts §7.1).
   */
  *ConfigureInterrupts(
    _interruptType: number,
    numRequired: number,
    numRequested: number,
    options = 0,
  ): Program<number> {
    const call = 'ConfigureInterrupts';
    if (numRequired <= 0 || numRequested <= 0 || numRequired > numRequested || options !== 0)
      return yield* refuse(call, kIOReturnBadArgument);
    return yield* act(call, 'kernel', (step) => {
      const { vectors } = step.world.devices.get(this.id)!;
      const enough = vectors >= numRequired;
      if (vectors === 0) {
        step.emit({ kind: 'pci.interrupts', device: this.id, vectors: 2 ** Math.ceil(Math.log2(numRequested)) });
        return kIOReturnSuccess;
      }
      const code = enough ? kIOReturnSuccess : kIOReturnUnsupported;
      step.look('register', this.id);
      step.emit({ kind: 'refuse', code, call });
      return code;
    });
  }

  /**
   * What a BAR is: the index that register accesses take, which counts those BARs alone that there are, and its bytes.
   * Errors: `kIOReturnBadArgument` above 6,
   * `kIOReturnNotFound` for a BAR that the device does not have (facts §7.1).
   */
  *GetBARInfo(barIndex: number): Program<[code: number, memoryIndex: number, barSize: number]> {
    if (barIndex > 6) return [yield* refuse('GetBARInfo', kIOReturnBadArgument), 0, 0];
    const bars = yield* now(({ world }) => world.devices.get(this.id)!.bars.map(({ bytes }) => bytes.length));
    const size = bars[barIndex] ?? 0;
    if (size === 0) return [yield* refuse('GetBARInfo', kIOReturnNotFound), 0, 0];
    return [kIOReturnSuccess, bars.slice(0, barIndex).filter((bytes) => bytes > 0).length, size];
  }

  private *configurationRead(offset: number, width: number): Program<number> {
    const value = yield* act('ConfigurationRead', 'mmio', (step) => {
      step.emit({ kind: 'config.read', device: this.id, offset, width });
      const { config, openedBy, present } = step.world.devices.get(this.id)!;
      return openedBy === 0 || !present ? undefined : Number(wordOf(config.subarray(offset, offset + width)));
    });
    // Without a session, or a device, the read fails: all ones (facts §7.1).
    if (value === undefined) return 2 ** (8 * width) - 1;
    yield* behindPosted(this.id, 'ConfigurationRead');
    return value;
  }

  private *configurationWrite(offset: number, width: number, value: number): Program {
    yield* act('ConfigurationWrite', 'mmio', (step) => {
      // Without a session the write is dropped without a word (facts §7.1).
      const { openedBy, present } = step.world.devices.get(this.id)!;
      if (openedBy === 0 || !present) {
        step.look('config', this.id);
        step.emit({ kind: 'refuse', code: present ? kIOReturnNotOpen : kIOReturnNoDevice, call: 'ConfigurationWrite' });
      } else step.emit({ kind: 'config.write', device: this.id, offset, width, value });
    });
  }

  ConfigurationRead8(offset: number): Program<number> {
    return this.configurationRead(offset, 1);
  }
  ConfigurationRead16(offset: number): Program<number> {
    return this.configurationRead(offset, 2);
  }
  ConfigurationRead32(offset: number): Program<number> {
    return this.configurationRead(offset, 4);
  }
  ConfigurationWrite8(offset: number, value: number): Program {
    return this.configurationWrite(offset, 1, value);
  }
  ConfigurationWrite16(offset: number, value: number): Program {
    return this.configurationWrite(offset, 2, value);
  }
  ConfigurationWrite32(offset: number, value: number): Program {
    return this.configurationWrite(offset, 4, value);
  }

  /**
   * Where an access goes; nowhere before Open, and with an index that no BAR has. To the mapping in the dext nothing is
   * checked (facts §7.1; IOPCIDevice.cpp of PCIDriverKit 218-245).
   */
  private *reach(memoryIndex: number, offset: number, width: number, options: number): Program<Reach | undefined> {
    if (this.session === 'never') return undefined;
    if (this.session === 'closed') {
      throw new Crash('EXC_BAD_ACCESS: register access after IOPCIDevice::Close', 'register-after-close');
    }
    const found = yield* now(({ world }) => barAt(world.devices.get(this.id)!, memoryIndex));
    if (found === undefined) return undefined;
    const hinted = (options & kIOPCIAccessLatencyTolerantHint) !== 0;
    const kernel = hinted || kIOPCIKernelMemoryAccess in this.client!.properties;
    if (!kernel && offset + width > found.size) {
      throw new Crash(
        `EXC_BAD_ACCESS: register access at ${hex(offset)} beyond the ${found.size} bytes of BAR ${found.bar}`,
      );
    }
    return { ...found, kernel };
  }

  /**
   * Why an access does not get to the bus. The kernel checks session and bounds (IOPCIDevice.cpp 3176-3350); on Intel it
   * takes those of up to 32 bits for I/O space, which no BAR here lies in.
   */
  private refusal({ world }: Step, reach: Reach | undefined, offset: number, width: number): number {
    if (reach === undefined) return kIOReturnNotOpen;
    if (!reach.kernel) return kIOReturnSuccess;
    if (world.devices.get(this.id)!.openedBy !== this.client!.service) return kIOReturnNotOpen;
    if (world.machine.pageSize === 4 * KiB && width < 8) return kIOReturnBadArgument;
    return offset + width > reach.size ? kIOReturnOverrun : kIOReturnSuccess;
  }

  private *memoryRead(memoryIndex: number, offset: number, width: number, options: number): Program<bigint> {
    const reach = yield* this.reach(memoryIndex, offset, width, options);
    const value = yield* act('MemoryRead', 'mmio', (step) => {
      const code = this.refusal(step, reach, offset, width);
      if (code !== kIOReturnSuccess) {
        step.look('config', this.id);
        step.emit({ kind: 'refuse', code, call: 'MemoryRead' });
        return undefined;
      }
      const { bar } = reach!;
      step.emit({ kind: 'mmio.read', device: this.id, bar, offset, width });
      const device = step.world.devices.get(this.id)!;
      if (!device.present || !commandHas(device, kIOPCICommandMemorySpace)) return undefined;
      const registers = new Registers(step, this.id, bar);
      return modelOf(step, this.id).read?.(registers, { bar, offset, width }) ?? registers.get(offset, width);
    });
    if (value === undefined) return BigInt.asUintN(8 * width, -1n);
    yield* behindPosted(this.id, 'MemoryRead');
    return value;
  }

  private *memoryWrite(memoryIndex: number, offset: number, width: number, value: bigint, options: number): Program {
    const reach = yield* this.reach(memoryIndex, offset, width, options);
    yield* act('MemoryWrite', 'mmio', (step) => {
      const device = step.world.devices.get(this.id)!;
      const lost = commandHas(device, kIOPCICommandMemorySpace) ? kIOReturnSuccess : kIOReturnNotOpen;
      const code = device.present ? this.refusal(step, reach, offset, width) || lost : kIOReturnNoDevice;
      if (code !== kIOReturnSuccess) {
        step.look('config', this.id);
        step.emit({ kind: 'refuse', code, call: 'MemoryWrite' });
        return;
      }
      const { bar } = reach!;
      const model = modelOf(step, this.id);
      step.emit({ kind: 'mmio.write', device: this.id, bar, offset, width, stored: model.write === undefined, value });
      model.write?.(new Registers(step, this.id, bar), { bar, offset, width, value });
    });
  }

  *MemoryRead8(memoryIndex: number, offset: number, options = 0): Program<number> {
    return Number(yield* this.memoryRead(memoryIndex, offset, 1, options));
  }
  *MemoryRead16(memoryIndex: number, offset: number, options = 0): Program<number> {
    return Number(yield* this.memoryRead(memoryIndex, offset, 2, options));
  }
  *MemoryRead32(memoryIndex: number, offset: number, options = 0): Program<number> {
    return Number(yield* this.memoryRead(memoryIndex, offset, 4, options));
  }
  MemoryRead64(memoryIndex: number, offset: number, options = 0): Program<bigint> {
    return this.memoryRead(memoryIndex, offset, 8, options);
  }
  MemoryWrite8(memoryIndex: number, offset: number, value: number, options = 0): Program {
    return this.memoryWrite(memoryIndex, offset, 1, BigInt(value), options);
  }
  MemoryWrite16(memoryIndex: number, offset: number, value: number, options = 0): Program {
    return this.memoryWrite(memoryIndex, offset, 2, BigInt(value), options);
  }
  MemoryWrite32(memoryIndex: number, offset: number, value: number, options = 0): Program {
    return this.memoryWrite(memoryIndex, offset, 4, BigInt(value), options);
  }
  MemoryWrite64(memoryIndex: number, offset: number, value: bigint, options = 0): Program {
    return this.memoryWrite(memoryIndex, offset, 8, value, options);
  }
}

/** The BAR that an index of register accesses stands for: it counts those that there are (facts §7.1, PCI 3522). */
function barAt({ bars }: Device, memoryIndex: number): { readonly bar: number; readonly size: number } | undefined {
  let index = -1;
  for (const [bar, { bytes }] of bars.entries()) {
    if (bytes.length > 0) index += 1;
    if (index === memoryIndex) return { bar, size: bytes.length };
  }
  return undefined;
}
