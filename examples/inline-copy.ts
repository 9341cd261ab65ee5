/**
 * A struct of up to 4096 bytes travels in the call's message: the dext gets a copy.
 * Whatever the app writes after the call, nobody ever sees it.
 *
 * Try --set size=4097: one byte more, and the dext gets no copy but a descriptor.
 */
import {
  IOBufferMemoryDescriptor,
  IOUserClient,
  kIOMemoryDirectionOut,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  KiB,
  scenario,
  sgDataStart,
  sgEngine,
  write,
  type IOUserClientMethodArguments,
  type OSData,
  type Program,
} from 'dextrace';
import { SgDriver } from './sg-driver.ts';

const kKeep = 0;
const kSend = 1;

class CopyClient extends IOUserClient {
  private readonly driver: SgDriver;
  private data: OSData | null = null;

  constructor(driver: SgDriver) {
    super();
    this.driver = driver;
  }

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kKeep) {
      this.data = args.structureInput;
      return this.data === null ? kIOReturnBadArgument : kIOReturnSuccess;
    }
    if (selector === kSend && this.data !== null && args.completion !== null) return yield* this.send(this.data, args);
    return kIOReturnBadArgument;
  }

  /** Copies the data into a buffer of the dext's own, which the device can read. */
  private *send(data: OSData, args: IOUserClientMethodArguments): Program<number> {
    const action = args.completion!;
    yield* action.retain();
    const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionOut, data.getLength());
    const [, { address }] = yield* buffer!.GetAddressRange();
    yield* write(address, data.getBytesNoCopy());
    const client = this;
    return yield* this.driver.transfer(buffer!, 'to-device', sgDataStart, function* (status) {
      yield* buffer!.release();
      yield* client.AsyncCompletion(action, status);
      yield* action.release();
    });
  }
}

export default scenario({
  title: 'A struct of 4096 bytes is a copy: later writes are never seen',
  options: { size: 4 * KiB },
  device: sgEngine(),
  dext: () => new SgDriver((driver) => new CopyClient(driver)),

  *app(app, { size }) {
    const buffer = yield* app.malloc(size);
    yield* app.memset(buffer, 0xaa, size);
    const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
    const port = yield* app.IONotificationPortCreate();

    const [kept] = yield* app.IOConnectCallStructMethod(connect, kKeep, buffer, size);
    yield* app.memset(buffer, 0x55, size); // after the call
    let sent = kIOReturnBadArgument;
    if (kept === kIOReturnSuccess) {
      yield* app.IOConnectCallAsyncScalarMethod(connect, kSend, port, [], []);
      sent = (yield* app.mach_msg_receive(port)).result;
    }
    yield* app.IOServiceClose(connect);
    yield* app.free(buffer);
    return { kept, sent };
  },

  check({ result, deviceMemory }, { size }) {
    if (result?.kept !== kIOReturnSuccess) return `the dext got no copy of ${size} bytes`;
    if (result.sent !== kIOReturnSuccess) return 'the transfer failed';
    if (deviceMemory.subarray(sgDataStart, sgDataStart + size).some((byte) => byte !== 0xaa)) {
      return 'the device saw a write made after the call';
    }
  },
});
