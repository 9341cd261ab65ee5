/**
 * Command freed while active (facts §10 (13)). On cancel the dext drops its references. The last release of a
 * prepared command completes it, since macOS 13.3, whatever the device does; before, it leaks.
 * Fixed: the interrupt completes and releases it.
 */
import { kIOReturnAborted, kIOReturnSuccess, scenario, type IOUserClientMethodArguments, type Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 13, rule: 'complete-while-running' } as const;

const kTransfer = 0;
const kCancel = 1;

class Client extends MoverClient {
  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kTransfer) return yield* super.ExternalMethod(selector, args);
    const transfer = this.fixed ? undefined : this.underWay.shift();
    if (transfer === undefined) return kIOReturnSuccess; // the interrupt completes it
    yield* transfer.command.release();
    yield* transfer.memory.release();
    yield* this.AsyncCompletion(transfer.action, kIOReturnAborted);
    yield* transfer.action.release();
    return kIOReturnSuccess;
  }
}

export default scenario({
  title: 'Freed while running: the last release of a command ends the access of a device at work',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], 0, 0, buffer, size);
    yield* app.IOConnectCallScalarMethod(connect, kCancel, []);
    yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },
});
