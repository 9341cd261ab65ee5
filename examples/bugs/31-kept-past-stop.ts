/**
 * Descriptor kept past Stop (facts §10 (31)). The dext has queued a transfer behind another one. The app closes; in
 * Stop the dext forgets about the queue, and starts the transfer later, into memory of a client that is gone.
 * Fixed: Stop drops what has not been started.
 */
import {
  kIOReturnAborted,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  millisecond,
  scenario,
  type IOPCIDevice,
  type IOService,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceReads, machine, mover, MoverClient, MoverDriver, size, type Transfer } from './mover.ts';

export const bug = { number: 31, rule: 'kept-past-stop' } as const;

interface Waiting extends Transfer {
  readonly address: number;
}

/** One transfer at a time: the next starts when the last has finished. */
class Client extends MoverClient {
  private readonly waiting: Waiting[] = [];

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (this.underWay.length === 0) return yield* super.ExternalMethod(selector, args);
    const memory = args.structureInputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const [code, command, address] = yield* this.driver.prepare(memory);
    if (code !== kIOReturnSuccess) return code;
    yield* memory.retain();
    yield* action.retain();
    this.waiting.push({ action, memory, command, address });
    return kIOReturnSuccess;
  }

  protected override *interruptOccurred(count: number): Program {
    yield* super.interruptOccurred(count);
    const next = this.waiting.shift();
    if (next === undefined) return;
    this.underWay.push(next);
    yield* this.driver.start(kDeviceReads, next.address, size);
  }

  override *Stop(provider: IOService | IOPCIDevice): Program<number> {
    if (this.fixed) {
      for (const { action, memory, command } of this.waiting.splice(0)) {
        yield* command.CompleteDMA(0);
        yield* command.release();
        yield* memory.release();
        yield* this.AsyncCompletion(action, kIOReturnAborted);
        yield* action.release();
      }
    }
    return yield* super.Stop(provider);
  }
}

export default scenario({
  title: 'Kept past Stop: a transfer starts when its client is gone',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    for (const bytes of [4 * size, size]) {
      const buffer = yield* app.mmap(bytes);
      yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, bytes);
    }
    yield* app.IOServiceClose(connect); // without waiting for either
    yield* app.sleep(millisecond);
  },
});
