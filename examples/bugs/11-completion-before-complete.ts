/**
 * Completion before CompleteDMA (facts §10 (11)). The dext tells the app first and ends the device's access
 * afterwards. In between the app frees or reuses memory that the device can still reach.
 * Fixed: the other way round.
 */
import { kIOReturnSuccess, scenario, type Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size, type Transfer } from './mover.ts';

export const bug = { number: 11, rule: 'completion-before-complete' } as const;

class Client extends MoverClient {
  protected override *complete(transfer: Transfer): Program {
    if (this.fixed) {
      yield* super.complete(transfer);
      return;
    }
    const { action, memory, command } = transfer;
    yield* this.AsyncCompletion(action, kIOReturnSuccess);
    yield* action.release();
    yield* command.CompleteDMA(0);
    yield* command.release();
    yield* memory.release();
  }
}

export default scenario({
  title: 'Completion before CompleteDMA: the app unmaps memory that the device can still reach',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    yield* app.mach_msg_receive(port);
    const wired = yield* app.note('the buffer is given back');
    yield* app.munmap(buffer, size);
    yield* app.IOServiceClose(connect);
    return wired;
  },
});
