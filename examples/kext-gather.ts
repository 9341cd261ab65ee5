/**
 * A kernel extension that lets a device gather the buffer of an app, on a machine without an IOMMU: it wires the
 * memory itself and takes the bus addresses in portions, so that none is lost however scattered the pages are.
 * docs/kext.md shows it beside its C++ and beside a dext.
 */
import {
  hex,
  IOService,
  IOUserClient,
  kext,
  KiB,
  kIOPCICommandBusLead,
  kIOPCICommandMemorySpace,
  kIOPCIConfigurationOffsetCommand,
  kIOReturnBadArgument,
  kIOReturnNoMemory,
  kIOReturnSuccess,
  scenario,
  type Device,
  type DeviceModel,
  type IOPCIDevice,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';

const kGather = 0;
const [kAddress, kLength, kDone] = [0x00, 0x08, 0x0c];
/** Segments that the device takes at a time. */
const portion = 4;

/** Each length written makes it read that much at the address, behind what it has; then it counts up `kDone`. */
function* gather(device: Device): Program {
  for (let at = 0, done = 1n; ; done += 1n) {
    let write = yield* device.nextWrite();
    while (write.offset !== kLength) write = yield* device.nextWrite();
    const address = Number(yield* device.register(0, kAddress, 8));
    yield* device.readMemory({ request: 1, segment: Number(done) - 1 }, address, Number(write.value), at);
    at += Number(write.value);
    yield* device.setRegister(0, kDone, 4, done);
  }
}

const gatherer: DeviceModel = {
  name: 'gatherer',
  bars: [0x100],
  memory: 256 * KiB,
  engines: (device) => ({ gather: gather(device) }),
};

class GatherClient extends IOUserClient {
  private readonly pci: IOPCIDevice;

  constructor(pci: IOPCIDevice) {
    super();
    this.pci = pci;
  }

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector !== kGather) return kIOReturnBadArgument;
    const [address, length] = args.scalarInput.map(Number);
    const task = yield* kext.owningTask(this);
    const memory = yield* kext.IOMemoryDescriptor.withAddressRange(address!, length!, kext.kIODirectionOut, task);
    if (memory === null) return kIOReturnBadArgument;
    let ret = yield* memory.prepare();
    if (ret === kIOReturnSuccess) {
      ret = yield* this.transfer(memory);
      yield* memory.complete();
    }
    yield* memory.release();
    return ret;
  }

  private *transfer(memory: kext.IOMemoryDescriptor): Program<number> {
    const command = yield* kext.IODMACommand.withSpecification(64, this.pci);
    if (command === null) return kIOReturnNoMemory;
    let ret = yield* command.setMemoryDescriptor(memory);
    const length = yield* memory.getLength();
    let count = 0;
    for (let offset = 0; offset < length && ret === kIOReturnSuccess;) {
      const [code, segments, next] = yield* command.gen64IOVMSegments(offset, portion);
      ret = code;
      offset = next;
      for (const segment of segments) {
        yield* this.pci.MemoryWrite64(0, kAddress, BigInt(segment.address));
        yield* this.pci.MemoryWrite32(0, kLength, segment.length);
        count += 1;
        while ((yield* this.pci.MemoryRead32(0, kDone)) < count);
      }
    }
    yield* command.clearMemoryDescriptor();
    yield* command.release();
    return ret;
  }
}

class GatherDriver extends IOService {
  private pci!: IOPCIDevice;

  override *Start(provider: IOService | IOPCIDevice): Program<number> {
    this.pci = provider as IOPCIDevice;
    yield* this.pci.Open(this);
    const bits = kIOPCICommandBusLead | kIOPCICommandMemorySpace;
    yield* this.pci.ConfigurationWrite16(kIOPCIConfigurationOffsetCommand, bits);
    return yield* this.RegisterService();
  }

  override *NewUserClient(): Program<[number, IOUserClient | null]> {
    return yield* this.Create(new GatherClient(this.pci));
  }
}

export default scenario({
  title: 'A kernel extension gathers the buffer of an app',
  options: { size: 200 * KiB },
  machine: { mapper: 'none' },
  device: gatherer,
  kext: () => new GatherDriver(),

  *app(app, { size }) {
    const buffer = yield* app.malloc(size);
    for (let at = 0; at < size; at += 4 * KiB) yield* app.memset(buffer + at, (at / (4 * KiB)) & 0xff, 1);
    const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('GatherDriver'));
    const [ret] = yield* app.IOConnectCallScalarMethod(connect, kGather, [BigInt(buffer), BigInt(size)]);
    yield* app.IOServiceClose(connect);
    return ret;
  },

  check({ result, deviceMemory }, { size }) {
    if (result !== kIOReturnSuccess) return `the call returned ${hex(result ?? 0)}`;
    for (let at = 0; at < size; at += 4 * KiB) {
      if (deviceMemory[at] !== ((at / (4 * KiB)) & 0xff)) return `the device has other bytes at ${at}`;
    }
  },
});
