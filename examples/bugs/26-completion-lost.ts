/**
 * Lost completion (facts §10 (26)). The dext sends 17 values with the completion, one more than there is room for.
 * AsyncCompletion has no result, and sends nothing: the app waits for ever.
 * Fixed: 16 values.
 */
import { scenario, type Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size, type Transfer } from './mover.ts';

export const bug = { number: 26, rule: 'completion-lost' } as const;

class Client extends MoverClient {
  protected override *complete(transfer: Transfer): Program {
    const values = Array.from({ length: this.fixed ? 16 : 17 }, (_, i) => BigInt(i));
    yield* super.complete(transfer, values);
  }
}

export default scenario({
  title: 'Lost completion: 17 values are one too many, and nobody says so',
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
