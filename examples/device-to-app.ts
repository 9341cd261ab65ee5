/**
 * The other way: the app passes a struct output of more than 4096 bytes, the dext gets a writable
 * descriptor without copy-on-write, and the device writes straight into the app's pages.
 * The call leaves the app's count as it was: how much is valid only a completion can say.
 */
import { kIOReturnSuccess, KiB, scenario, sgEngine } from 'dextrace';
import { kTransfer, SendClient } from './send-client.ts';
import { SgDriver } from './sg-driver.ts';

const made = 0xc3;

export default scenario({
  title: "The device writes into the app's output struct",
  options: { size: 32 * KiB },
  device: sgEngine({ contents: made }),
  dext: () => new SgDriver((driver) => new SendClient(driver)),

  *app(app, { size }) {
    const [, buffer] = yield* app.posix_memalign(16 * KiB, size);
    const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
    const port = yield* app.IONotificationPortCreate();

    const [, count] = yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], 0, 0, buffer, size);
    const { result } = yield* app.mach_msg_receive(port);
    const bytes = yield* app.read(buffer, size);

    yield* app.IOServiceClose(connect);
    yield* app.free(buffer);
    return { result, count, bytes };
  },

  check({ result }, { size }) {
    if (result?.result !== kIOReturnSuccess) return 'the transfer failed';
    if (result.count !== size) return 'the count came back changed';
    if (result.bytes.some((byte) => byte !== made)) return 'the app did not see what the device wrote';
  },
});
