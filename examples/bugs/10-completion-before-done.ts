/**
 * Completion before the device is done (facts §10 (10)). The dext completes the call when it has started the device.
 * The app reads old bytes, new ones, or a mix.
 * Fixed: it completes from the interrupt.
 */
import {
  kIOReturnBadArgument,
  kIOReturnSuccess,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size, type Transfer } from './mover.ts';

export const bug = { number: 10, rule: 'read-before-completion' } as const;

class Client extends MoverClient {
  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (args.completion === null) return kIOReturnBadArgument;
    const code = yield* super.ExternalMethod(selector, args);
    if (!this.fixed && code === kIOReturnSuccess) yield* this.AsyncCompletion(args.completion, kIOReturnSuccess);
    return code;
  }

  protected override *complete(transfer: Transfer): Program {
    if (this.fixed) yield* super.complete(transfer);
    else {
      yield* transfer.command.CompleteDMA(0);
      yield* transfer.command.release();
      yield* transfer.memory.release();
      yield* transfer.action.release();
    }
  }
}

export default scenario({
  title: 'Completion before the device is done: the app reads what is not there yet',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, buffer, size);
    yield* app.mach_msg_receive(port);
    const bytes = yield* app.read(buffer, size);
    yield* app.IOServiceClose(connect);
    return bytes.filter((byte) => byte !== 1).length;
  },

  check({ result }) {
    if (result !== undefined && result > 0) return `complete, but ${result} bytes are still missing`;
  },
});
