/**
 * Default-queue deadlock (facts §10 (35)). A synchronous method hands work to its own queue and waits for it. The
 * queue is serial and still busy with the method: the work never begins, nor does any later call, interrupt or Stop.
 * Fixed: the work runs on a queue of its own.
 */
import {
  IODispatchQueue,
  kIOReturnSuccess,
  kIOServiceDefaultQueueName,
  note,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver } from './mover.ts';

export const bug = { number: 35, rule: 'queue-deadlock' } as const;

class Client extends MoverClient {
  override *ExternalMethod(_selector: number, _args: IOUserClientMethodArguments): Program<number> {
    const own = this.CopyDispatchQueue(kIOServiceDefaultQueueName);
    const queue = this.fixed ? (yield* IODispatchQueue.Create('work'))[1] : own;
    yield* queue.DispatchSync(function* () {
      yield* note('the work is done');
    });
    return kIOReturnSuccess;
  }
}

export default scenario({
  title: 'Queue deadlock: a method waits for work on the queue that it runs on',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect } = yield* connectTo(app);
    yield* app.IOConnectCallScalarMethod(connect, 0, []);
    yield* app.IOServiceClose(connect);
  },
});
