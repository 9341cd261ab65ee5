/**
 * What drivers did before: a physically contiguous buffer in the dext, and a copy. The device never
 * touches the app's memory, so nothing the app does later matters; the price is the copy.
 * Contiguous means one segment even without an IOMMU: this machine has none.
 */
import {
  IOBufferMemoryDescriptor,
  IOUserClient,
  kIOMemoryDirectionOut,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  KiB,
  memcpy,
  scenario,
  sgDataStart,
  sgEngine,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { SgDriver } from './sg-driver.ts';

const kSend = 0;

class BounceClient extends IOUserClient {
  private readonly driver: SgDriver;

  constructor(driver: SgDriver) {
    super();
    this.driver = driver;
  }

  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureInputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const [, size] = yield* memory.GetLength();

    // An alignment above the page size makes the buffer physically contiguous.
    const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionOut, size, 64 * KiB);
    const [, { address }] = yield* buffer!.GetAddressRange();
    const [ret, map] = yield* memory.CreateMapping(0);
    if (map === null) return ret;
    yield* memcpy(address, map.GetAddress(), size);
    yield* map.release();

    yield* action.retain();
    const client = this;
    return yield* this.driver.transfer(buffer!, 'to-device', sgDataStart, function* (status) {
      yield* buffer!.release();
      yield* client.AsyncCompletion(action, status);
      yield* action.release();
    });
  }
}

export default scenario({
  title: 'The dext copies into a contiguous buffer of its own',
  options: { size: 32 * KiB },
  machine: { mapper: 'none' },
  device: sgEngine(),
  dext: () => new SgDriver((driver) => new BounceClient(driver)),

  *app(app, { size }) {
    const [, buffer] = yield* app.posix_memalign(16 * KiB, size);
    yield* app.memset(buffer, 0xaa, size);
    const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
    const port = yield* app.IONotificationPortCreate();

    yield* app.IOConnectCallAsyncStructMethod(connect, kSend, port, [], buffer, size);
    yield* app.memset(buffer, 0x55, size); // harmless: the dext has its copy
    const { result } = yield* app.mach_msg_receive(port);

    yield* app.IOServiceClose(connect);
    yield* app.free(buffer);
    return result;
  },

  check({ result, deviceMemory }, { size }) {
    if (result !== kIOReturnSuccess) return 'the transfer failed';
    if (deviceMemory.subarray(sgDataStart, sgDataStart + size).some((byte) => byte !== 0xaa)) {
      return 'the device saw a write made after the call';
    }
  },
});
