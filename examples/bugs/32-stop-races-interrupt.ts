/**
 * Stop races the interrupt (facts §10 (32)). Stop runs on the client's queue and releases what the interrupt handler,
 * on another queue, is using: a use after free in the dext.
 * Fixed: both run on one queue, and Stop waits for the last transfer.
 */
import {
  IODispatchQueue,
  kIOServiceDefaultQueueName,
  scenario,
  type IOPCIDevice,
  type IOService,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 32, rule: 'use-after-release' } as const;

class Client extends MoverClient {
  override *Start(provider: IOService | IOPCIDevice): Program<number> {
    const code = yield* super.Start(provider);
    if (!this.fixed) {
      const [, own] = yield* IODispatchQueue.Create('client');
      this.SetDispatchQueue(kIOServiceDefaultQueueName, own);
    }
    return code;
  }

  override *Stop(provider: IOService | IOPCIDevice): Program<number> {
    if (!this.fixed) {
      for (const { action, memory, command } of this.underWay) {
        yield* command.release();
        yield* memory.release();
        yield* action.release();
      }
      this.underWay.length = 0;
    }
    return yield* super.Stop(provider);
  }

  protected override *interruptOccurred(count: number): Program {
    const [transfer] = this.underWay;
    if (transfer === undefined) return;
    if (this.fixed) yield* super.interruptOccurred(count);
    else {
      yield* this.complete(transfer);
      this.underWay.shift();
    }
  }
}

export default scenario({
  title: 'Stop races the interrupt: the handler uses what Stop has released',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    yield* app.IOServiceClose(connect); // without waiting
  },
});
