/**
 * The asynchronous call done right: the app leaves the buffer alone until the completion comes,
 * the dext completes only after the device has stopped and its access has ended. No race, whatever the seed.
 */
import { kIOReturnSuccess, KiB, scenario, sgDataStart, sgEngine } from 'dextrace';
import { kTransfer, SendClient } from './send-client.ts';
import { SgDriver } from './sg-driver.ts';

export default scenario({
  title: 'The app waits for the completion: no race',
  options: { size: 16 * KiB, rounds: 3 },
  device: sgEngine(),
  dext: () => new SgDriver((driver) => new SendClient(driver)),

  *app(app, { size, rounds }) {
    const [, buffer] = yield* app.posix_memalign(16 * KiB, size);
    const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
    const port = yield* app.IONotificationPortCreate();

    for (let round = 1; round <= rounds; round += 1) {
      yield* app.memset(buffer, round, size);
      yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [0n, BigInt(round)], buffer, size);
      const { result, reference } = yield* app.mach_msg_receive(port);
      if (result !== kIOReturnSuccess || reference[1] !== BigInt(round)) throw new Error(`round ${round} failed`);
    }

    yield* app.IOServiceClose(connect);
    yield* app.free(buffer);
    return rounds;
  },

  check({ result, deviceMemory }, { size }) {
    if (deviceMemory.subarray(sgDataStart, sgDataStart + size).some((byte) => byte !== (result ?? 0) % 256)) {
      return 'the device did not get the last round whole';
    }
  },
});
