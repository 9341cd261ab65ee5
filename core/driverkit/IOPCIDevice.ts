import {
  kIOReturnBadArgument,
  kIOReturnNoDevice,
  kIOReturnNotFound,
  kIOReturnNotOpen,
  kIOReturnSuccess,
  kIOReturnUnsupported,
} from '../codes.ts';
import { modelOf } from '../devices/device.ts';
import { Registers } from '../devices/registers.ts';
import { wordOf } from '../memory/atomics.ts';
import { act, Crash, now, refuse, type Program } from '../operation.ts';
import { commandHas, kIOPCICommandMemorySpace } from '../pcie/bus.ts';
import { behindPosted } from '../pcie/link.ts';
import { resetDevice } from '../pcie/reset.ts';
import { hex } from '../units.ts';
import type { IOService } from './IOService.ts';
import { OSObject } from './objects.ts';

/** The PCI nub that a driver is started on (facts §7.1). */
export class IOPCIDevice extends OSObject {
  private session: 'never' | 'open' | 'closed' = 'never';

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
    if (code === kIOReturnSuccess) this.session = 'open';
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
   * Resets the device, which begins anew: registers and configuration space are as after power-up, so that bus lead and
   * memory space are off. Errors: `kIOReturnNotOpen` without a session, `kIOReturnNoDevice` when it is gone.
   */
  *Reset(_resetType: number, _options = 0): Program<number> {
    const call = 'IOPCIDevice::Reset';
    return yield* act(call, 'kernel', (step) => {
      const { openedBy, present } = step.world.devices.get(this.id)!;
      if (openedBy !== 0 && present) {
        resetDevice(step, this.id);
        return kIOReturnSuccess;
      }
      const code = openedBy === 0 ? kIOReturnNotOpen : kIOReturnNoDevice;
      step.look('config', this.id);
      step.emit({ kind: 'refuse', code, call });
      return code;
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
   * What a BAR is: the index that register accesses take, and its bytes. Errors: `kIOReturnBadArgument` above 6,
   * `kIOReturnNotFound` for a BAR that the device does not have (facts §7.1).
   */
  *GetBARInfo(barIndex: number): Program<[code: number, memoryIndex: number, barSize: number]> {
    if (barIndex > 6) return [yield* refuse('GetBARInfo', kIOReturnBadArgument), 0, 0];
    const size = yield* now(({ world }) => world.devices.get(this.id)!.bars[barIndex]?.bytes.length ?? 0);
    if (size === 0) return [yield* refuse('GetBARInfo', kIOReturnNotFound), 0, 0];
    return [kIOReturnSuccess, barIndex, size];
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

  /** Whether an access reaches the mapping of the BAR (facts §7.1). */
  private *reaches(memoryIndex: number, offset: number, width: number): Program<boolean> {
    if (this.session === 'never') return false;
    if (this.session === 'closed') {
      throw new Crash('EXC_BAD_ACCESS: register access after IOPCIDevice::Close', 'register-after-close');
    }
    const size = yield* now(({ world }) => world.devices.get(this.id)!.bars[memoryIndex]?.bytes.length);
    if (size === undefined) return false;
    if (offset + width > size) {
      throw new Crash(
        `EXC_BAD_ACCESS: register access at ${hex(offset)} beyond the ${size} bytes of BAR ${memoryIndex}`,
      );
    }
    return true;
  }

  private *memoryRead(bar: number, offset: number, width: number): Program<bigint> {
    const reaches = yield* this.reaches(bar, offset, width);
    const value = yield* act('MemoryRead', 'mmio', (step) => {
      step.emit({ kind: 'mmio.read', device: this.id, bar, offset, width });
      const device = step.world.devices.get(this.id)!;
      if (!reaches || !device.present || !commandHas(device, kIOPCICommandMemorySpace)) return undefined;
      const registers = new Registers(step, this.id, bar);
      return modelOf(step, this.id).read?.(registers, { bar, offset, width }) ?? registers.get(offset, width);
    });
    if (value === undefined) return BigInt.asUintN(8 * width, -1n);
    yield* behindPosted(this.id, 'MemoryRead');
    return value;
  }

  private *memoryWrite(bar: number, offset: number, width: number, value: bigint): Program {
    const reaches = yield* this.reaches(bar, offset, width);
    yield* act('MemoryWrite', 'mmio', (step) => {
      const device = step.world.devices.get(this.id)!;
      if (!reaches || !device.present || !commandHas(device, kIOPCICommandMemorySpace)) {
        const code = device.present ? kIOReturnNotOpen : kIOReturnNoDevice;
        step.look('config', this.id);
        step.emit({ kind: 'refuse', code, call: 'MemoryWrite' });
        return;
      }
      const model = modelOf(step, this.id);
      step.emit({ kind: 'mmio.write', device: this.id, bar, offset, width, stored: model.write === undefined, value });
      model.write?.(new Registers(step, this.id, bar), { bar, offset, width, value });
    });
  }

  *MemoryRead8(memoryIndex: number, offset: number): Program<number> {
    return Number(yield* this.memoryRead(memoryIndex, offset, 1));
  }
  *MemoryRead16(memoryIndex: number, offset: number): Program<number> {
    return Number(yield* this.memoryRead(memoryIndex, offset, 2));
  }
  *MemoryRead32(memoryIndex: number, offset: number): Program<number> {
    return Number(yield* this.memoryRead(memoryIndex, offset, 4));
  }
  MemoryRead64(memoryIndex: number, offset: number): Program<bigint> {
    return this.memoryRead(memoryIndex, offset, 8);
  }
  MemoryWrite8(memoryIndex: number, offset: number, value: number): Program {
    return this.memoryWrite(memoryIndex, offset, 1, BigInt(value));
  }
  MemoryWrite16(memoryIndex: number, offset: number, value: number): Program {
    return this.memoryWrite(memoryIndex, offset, 2, BigInt(value));
  }
  MemoryWrite32(memoryIndex: number, offset: number, value: number): Program {
    return this.memoryWrite(memoryIndex, offset, 4, BigInt(value));
  }
  MemoryWrite64(memoryIndex: number, offset: number, value: bigint): Program {
    return this.memoryWrite(memoryIndex, offset, 8, value);
  }
}
