/**
 * The question that dextrace was born from: the app writes to its buffer after the call.
 * Does anybody see it? Both answers are right, for different readers.
 *
 * The app passes more than 4096 bytes, so the dext gets a descriptor. It maps it at once:
 * that mapping is a snapshot and never changes. Then the app overwrites the buffer, and
 * only then lets the device read it: the device reads the app's live pages, the new bytes.
 */
import {
  IOUserClient,
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

const kKeep = 0;
const kSend = 1;

class CaptureClient extends IOUserClient {
  private readonly driver: SgDriver;
  private memory: IOMemoryDescriptor | null = null;
  private map: IOMemoryMap | null = null;

  constructor(driver: SgDriver) {
    super();
    this.driver = driver;
  }

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kKeep) return yield* this.keep(args.structureInputDescriptor);
    if (selector === kSend) return yield* this.send(args);
    return kIOReturnBadArgument;
  }

  /** Keeps the descriptor and maps it: the snapshot is taken here. */
  private *keep(memory: IOMemoryDescriptor | null): Program<number> {
    if (memory === null) return kIOReturnBadArgument;
    yield* memory.retain();
    const [ret, map] = yield* memory.CreateMapping(0);
    this.memory = memory;
    this.map = map;
    return ret;
  }

  /** Lets the device read the memory; completes with what the dext itself sees at its start. */
  private *send(args: IOUserClientMethodArguments): Program<number> {
    const action = args.completion;
    if (action === null || this.memory === null || this.map === null) return kIOReturnBadArgument;
    const { driver, memory, map } = this;
    yield* action.retain();
    const client = this;
    return yield* driver.transfer(memory, 'to-device', sgDataStart, function* (status) {
      const [seen] = yield* load(map.GetAddress(), 1);
      yield* client.AsyncCompletion(action, status, [BigInt(seen!)]);
      yield* action.release();
    });
  }
}

export default scenario({
  title: 'The app writes after the call: the device sees it, the dext does not',
  options: { size: 32 * KiB },
  device: sgEngine(),
  dext: () => new SgDriver((driver) => new CaptureClient(driver)),

  *app(app, { size }) {
    const [, buffer] = yield* app.posix_memalign(16 * KiB, size);
    yield* app.memset(buffer, 0xaa, size);

    const service = yield* app.IOServiceGetMatchingService('SgDriver');
    const [, connect] = yield* app.IOServiceOpen(service);
    const port = yield* app.IONotificationPortCreate();

    yield* app.IOConnectCallStructMethod(connect, kKeep, buffer, size);
    yield* app.memset(buffer, 0x55, size); // after the call
    yield* app.IOConnectCallAsyncScalarMethod(connect, kSend, port, [], []);
    const { result, args } = yield* app.mach_msg_receive(port);

    yield* app.IOServiceClose(connect);
    yield* app.free(buffer);
    return { result, seenByDext: Number(args[0]) };
  },

  check({ result, deviceMemory }, { size }) {
    if (result?.result !== kIOReturnSuccess) return 'the transfer failed';
    if (result.seenByDext !== 0xaa) return 'the mapping shows a write made after it was created';
    if (deviceMemory.subarray(sgDataStart, sgDataStart + size).some((byte) => byte !== 0x55)) {
      return 'the device did not see a write made before it read';
    }
  },
});
