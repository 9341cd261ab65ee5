/**
 * CreateMemoryDescriptorFromClient: the dext describes the app's memory by itself, here for both
 * directions. By default its mapping is a snapshot; with kIOMemoryDisableCopyOnWrite
 * (--set copyOnWrite=false) it is truly shared. The device works on the live pages in either case.
 */
import {
  IOUserClient,
  kIOMemoryDirectionInOut,
  kIOMemoryDisableCopyOnWrite,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  KiB,
  load,
  scenario,
  sgDataStart,
  sgEngine,
  type IOMemoryDescriptor,
  type IOMemoryMap,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { SgDriver } from './sg-driver.ts';

const kDescribe = 0;
const kSend = 1;

class ClientMemoryClient extends IOUserClient {
  private readonly driver: SgDriver;
  private readonly options: number;
  private memory: IOMemoryDescriptor | null = null;
  private map: IOMemoryMap | null = null;

  constructor(driver: SgDriver, copyOnWrite: boolean) {
    super();
    this.driver = driver;
    this.options = kIOMemoryDirectionInOut | (copyOnWrite ? 0 : kIOMemoryDisableCopyOnWrite);
  }

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kDescribe) return yield* this.describe(Number(args.scalarInput[0]), Number(args.scalarInput[1]));
    if (selector === kSend) return yield* this.send(args);
    return kIOReturnBadArgument;
  }

  private *describe(address: number, length: number): Program<number> {
    const [ret, memory] = yield* this.CreateMemoryDescriptorFromClient(this.options, [{ address, length }]);
    if (memory === null) return ret;
    const [mapped, map] = yield* memory.CreateMapping(0);
    this.memory = memory;
    this.map = map;
    return mapped;
  }

  private *send(args: IOUserClientMethodArguments): Program<number> {
    const action = args.completion;
    if (action === null || this.memory === null || this.map === null) return kIOReturnBadArgument;
    const { driver, memory, map } = this;
    yield* action.retain();
    const client = this;
    return yield* driver.transfer(memory, 'to-device', sgDataStart, function* (status) {
      const [seen] = yield* load(map.GetAddress(), 1);
      yield* map.release();
      yield* memory.release();
      yield* client.AsyncCompletion(action, status, [BigInt(seen!)]);
      yield* action.release();
    });
  }
}

export default scenario({
  title: 'The dext describes client memory, with and without copy-on-write',
  options: { size: 32 * KiB, copyOnWrite: true },
  device: sgEngine(),
  dext: ({ copyOnWrite }) => new SgDriver((driver) => new ClientMemoryClient(driver, copyOnWrite)),

  *app(app, { size }) {
    const [, buffer] = yield* app.posix_memalign(16 * KiB, size);
    yield* app.memset(buffer, 0xaa, size);
    const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
    const port = yield* app.IONotificationPortCreate();

    yield* app.IOConnectCallScalarMethod(connect, kDescribe, [BigInt(buffer), BigInt(size)]);
    yield* app.memset(buffer, 0x55, size); // after the dext has mapped it
    yield* app.IOConnectCallAsyncScalarMethod(connect, kSend, port, [], []);
    const { result, args } = yield* app.mach_msg_receive(port);

    yield* app.IOServiceClose(connect);
    yield* app.free(buffer);
    return { result, seenByDext: Number(args[0]) };
  },

  check({ result, deviceMemory }, { size, copyOnWrite }) {
    if (result?.result !== kIOReturnSuccess) return 'the transfer failed';
    if (result.seenByDext !== (copyOnWrite ? 0xaa : 0x55)) return `the dext saw ${result.seenByDext}`;
    if (deviceMemory.subarray(sgDataStart, sgDataStart + size).some((byte) => byte !== 0x55)) {
      return 'the device did not see a write made before it read';
    }
  },
});
