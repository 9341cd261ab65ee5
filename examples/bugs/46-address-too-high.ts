/**
 * Low address bits (facts §10 (46)). The app passes its buffer once, fills it, and says go. The device has 32 address
 * bits, the machine no IOMMU, and the buffer lies above 4 GiB: when the dext prepares it as it is passed, the kernel
 * copies it to bounce pages, and those are what the device reads. With 64 bits, or behind an IOMMU, nobody would notice.
 * Fixed: the dext prepares the buffer when it is told to go.
 */
import {
  IODMACommand,
  kIODMACommandCreateNoOptions,
  kIODMACommandPrepareForDMANoOptions,
  kIOReturnBadArgument,
  kIOReturnNotReady,
  kIOReturnSuccess,
  scenario,
  type IOMemoryDescriptor,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceReads, machine, mover, MoverClient, MoverDriver, size, type Segment } from './mover.ts';

export const bug = { number: 46, rule: 'address-too-high' } as const;

const kPass = 0;
const kGo = 1;

/** Memory that the device can reach. */
interface Reached {
  readonly command: IODMACommand;
  readonly segments: readonly Segment[];
}

class Client extends MoverClient {
  private memory: IOMemoryDescriptor | null = null;
  private reached: Reached | null = null;

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kPass) return yield* this.pass(args.structureInputDescriptor);
    const { memory } = this;
    if (memory === null || args.completion === null) return kIOReturnNotReady;
    const reached = this.reached ?? (yield* this.reach(memory));
    if (reached === null) return kIOReturnNotReady;
    const { command, segments } = reached;
    yield* this.begin({ action: args.completion, memory, command }, kDeviceReads, segments);
    yield* memory.release();
    this.memory = this.reached = null;
    return kIOReturnSuccess;
  }

  private *pass(memory: IOMemoryDescriptor | null): Program<number> {
    if (memory === null) return kIOReturnBadArgument;
    yield* memory.retain();
    this.memory = memory;
    if (!this.fixed) this.reached = yield* this.reach(memory);
    return kIOReturnSuccess;
  }

  private *reach(memory: IOMemoryDescriptor): Program<Reached | null> {
    const specification = { maxAddressBits: 32 };
    const [, command] = yield* IODMACommand.Create(this.driver.pci, kIODMACommandCreateNoOptions, specification);
    const [code, , , segments] = yield* command!.PrepareForDMA(kIODMACommandPrepareForDMANoOptions, memory, 0, 0);
    if (code === kIOReturnSuccess) return { command: command!, segments };
    yield* command!.release();
    return null;
  }
}

export default scenario({
  title: 'Address too high: with 32 bits the device reads a copy, made before the buffer was filled',
  options: { fixed: false },
  machine: { ...machine, mapper: 'none' },
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallStructMethod(connect, kPass, buffer, size);
    yield* app.memset(buffer, 0x55, size);
    const [code] = yield* app.IOConnectCallAsyncScalarMethod(connect, kGo, port, [], []);
    if (code === kIOReturnSuccess) yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
    return code;
  },

  check({ result, deviceMemory }) {
    if (result !== kIOReturnSuccess) return `the transfer failed with ${result}`;
    if (deviceMemory[0] !== 0x55) return 'the device has not read what the app had filled in';
  },
});
