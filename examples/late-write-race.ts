/**
 * The bug: the app starts an asynchronous transfer and writes to the buffer before it is complete.
 * The device reads the app's live pages, so what it gets depends on who is faster, beat by beat.
 * Most seeds find a torn payload; async-done-right.ts is the same app without the bug.
 */
import { kIOReturnSuccess, KiB, scenario, sgDataStart, sgEngine } from 'dextrace';
import { kTransfer, SendClient } from './send-client.ts';
import { SgDriver } from './sg-driver.ts';

export default scenario({
  title: 'The app writes while the device reads: the payload is torn',
  options: { size: 16 * KiB },
  device: sgEngine(),
  dext: () => new SgDriver((driver) => new SendClient(driver)),

  *app(app, { size }) {
    const [, buffer] = yield* app.posix_memalign(16 * KiB, size);
    yield* app.memset(buffer, 0xaa, size);
    const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
    const port = yield* app.IONotificationPortCreate();

    yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], buffer, size);
    yield* app.memset(buffer, 0x55, size); // the race
    const { result } = yield* app.mach_msg_receive(port);

    yield* app.IOServiceClose(connect);
    return result;
  },

  check({ result, deviceMemory }, { size }) {
    if (result !== kIOReturnSuccess) return 'the transfer failed';
    const sent = deviceMemory.subarray(sgDataStart, sgDataStart + size);
    const late = sent.filter((byte) => byte === 0x55).length;
    if (late > 0) return `torn payload: ${late} of ${size} bytes that the device read were written after the call`;
  },
});
