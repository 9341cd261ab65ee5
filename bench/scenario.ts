/** A long run for measuring: the app fills a buffer while the device reads it, over and over. */
import {
  IOUserClient,
  kIOReturnSuccess,
  KiB,
  scenario,
  sgDataStart,
  sgEngine,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { SgDriver } from '../examples/sg-driver.ts';

class StreamClient extends IOUserClient {
  private readonly driver: SgDriver;

  constructor(driver: SgDriver) {
    super();
    this.driver = driver;
  }

  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const action = args.completion!;
    const memory = args.structureInputDescriptor!;
    yield* action.retain();
    const client = this;
    return yield* this.driver.transfer(memory, 'to-device', sgDataStart, function* (status) {
      yield* client.AsyncCompletion(action, status);
      yield* action.release();
    });
  }
}

export default scenario({
  title: 'A stream of buffers',
  options: { rounds: 10, size: 256 * KiB },
  device: sgEngine(),
  dext: () => new SgDriver((driver) => new StreamClient(driver)),
  *app(app, { rounds, size }) {
    const [, buffer] = yield* app.posix_memalign(16 * KiB, size);
    yield* app.memset(buffer, 0, size);
    const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
    const port = yield* app.IONotificationPortCreate();
    for (let round = 0; round < rounds; round += 1) {
      yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
      yield* app.memset(buffer, round & 0xff, size);
      const { result } = yield* app.mach_msg_receive(port);
      if (result !== kIOReturnSuccess) throw new Error('a transfer failed');
    }
    yield* app.IOServiceClose(connect);
  },
});
