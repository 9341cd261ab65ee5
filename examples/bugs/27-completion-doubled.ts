/**
 * Double completion (facts §10 (27)). The app cancels, and the dext answers with a completion; the interrupt comes
 * all the same, and answers again. The app takes the second one for the answer to its next request.
 * Fixed: whoever takes the transfer off the list completes it.
 */
import { kIOReturnAborted, kIOReturnSuccess, scenario, type IOUserClientMethodArguments, type Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 27, rule: 'completion-doubled' } as const;

const kTransfer = 0;
const kCancel = 1;

class Client extends MoverClient {
  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kTransfer) return yield* super.ExternalMethod(selector, args);
    const [transfer] = this.underWay;
    if (transfer !== undefined && !this.fixed) yield* this.AsyncCompletion(transfer.action, kIOReturnAborted);
    return kIOReturnSuccess; // the interrupt completes it
  }
}

export default scenario({
  title: 'Double completion: a cancelled transfer completes twice',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], buffer, size);
    yield* app.IOConnectCallScalarMethod(connect, kCancel, []);
    yield* app.mach_msg_receive(port);
    yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [0n, 2n], buffer, size);
    const { reference } = yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
    return Number(reference[1] ?? 0n);
  },

  check({ result }) {
    if (result !== undefined && result !== 2) return 'the answer to the second request was one to the first';
  },
});
