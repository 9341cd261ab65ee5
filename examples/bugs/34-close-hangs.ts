/**
 * Close blocked by a call (facts §10 (34)). A synchronous method waits for an event that may never come. The app's
 * IOServiceClose waits for that call, and so would the end of its process: the dext never hears Stop, where it would
 * have given up waiting.
 * Fixed: the method waits until a deadline.
 */
import {
  IODispatchQueue,
  kIODispatchQueueReentrant,
  kIOUserClientQueueNameExternalMethod,
  millisecond,
  scenario,
  type IOPCIDevice,
  type IOService,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver } from './mover.ts';

export const bug = { number: 34, rule: 'deadlock' } as const;

/** What a caller of the method sleeps on. */
const kEvent = 1;

/** Its one method waits for an event of the device, on a queue that goes on with other calls meanwhile. */
class Client extends MoverClient {
  private queue!: IODispatchQueue;

  override *Start(provider: IOService | IOPCIDevice): Program<number> {
    [, this.queue] = yield* IODispatchQueue.Create('calls', kIODispatchQueueReentrant);
    this.SetDispatchQueue(kIOUserClientQueueNameExternalMethod, this.queue);
    return yield* super.Start(provider);
  }

  override ExternalMethod(_selector: number, _args: IOUserClientMethodArguments): Program<number> {
    return this.queue.Sleep(kEvent, this.fixed ? 100 * millisecond : 0);
  }

  override *Stop(provider: IOService | IOPCIDevice): Program<number> {
    const { queue } = this;
    yield* queue.DispatchSync(function* () {
      yield* queue.Wakeup(kEvent);
    });
    return yield* super.Stop(provider);
  }
}

export default scenario({
  title: 'Close hangs: it waits for a call that waits for ever',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect } = yield* connectTo(app);
    const waiter = yield* app.pthread_create('waiter', () => app.IOConnectCallScalarMethod(connect, 0, []));
    yield* app.sleep(millisecond);
    yield* app.IOServiceClose(connect);
    yield* app.pthread_join(waiter);
  },
});
