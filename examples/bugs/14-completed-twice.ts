/**
 * Double CompleteDMA (facts §10 (14)). Two paths clean up after a transfer, and both complete the command. The
 * second call returns NotReady and does no harm, but a dext that counts transfers by successful completes is wrong.
 * Fixed: one path owns the command.
 */
import { scenario, type Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size, type Transfer } from './mover.ts';

export const bug = { number: 14, rule: 'completed-twice' } as const;

class Client extends MoverClient {
  protected override *complete(transfer: Transfer): Program {
    if (!this.fixed) yield* transfer.command.CompleteDMA(0);
    yield* super.complete(transfer);
  }
}

export default scenario({
  title: 'Completed twice: two paths clean up after one transfer',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },
});
