/**
 * Double prepare (facts §10 (15)). To start over, the dext prepares the command again with the same memory. That
 * succeeds: the bus addresses of the first time are given back while the device still uses them, and the pages are
 * wired twice, of which one CompleteDMA takes back one.
 * Fixed: nothing is prepared again before it was completed; the second start is refused.
 */
import {
  kIODMACommandPrepareForDMANoOptions,
  kIOReturnBusy,
  kIOReturnSuccess,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceWrites, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 15, rule: 'prepared-twice' } as const;

const kTransfer = 0;
const kRestart = 1;

class Client extends MoverClient {
  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kTransfer) return yield* super.ExternalMethod(selector, args);
    const [transfer] = this.underWay;
    if (transfer === undefined || this.fixed) return kIOReturnBusy;
    const { command, memory } = transfer;
    const [code, , , segments] = yield* command.PrepareForDMA(kIODMACommandPrepareForDMANoOptions, memory, 0, 0);
    if (code === kIOReturnSuccess) yield* this.driver.start(kDeviceWrites, segments[0]!.address, size);
    return code;
  }
}

export default scenario({
  title: 'Prepared twice: the old bus addresses go while the device uses them',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], 0, 0, buffer, size);
    yield* app.IOConnectCallScalarMethod(connect, kRestart, []);
    yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },
});
