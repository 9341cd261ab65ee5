/**
 * One output buffer, many events (facts §10 (25)). The dext keeps the output descriptor and sends a completion for
 * each event that the device has written there. There is no back-pressure: the next event overwrites the one that
 * the app has not read yet.
 * Fixed: the device is asked for the next event when the app has read the last one.
 */
import {
  kIOReturnBadArgument,
  kIOReturnSuccess,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceWrites, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 25, rule: 'output-overwritten' } as const;

const kSubscribe = 0;
const kNext = 1;
const kUnsubscribe = 2;
const events = 3;

class Client extends MoverClient {
  private address = 0;
  private asked = 0;

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureOutputDescriptor;
    const action = args.completion;
    if (selector === kNext) {
      yield* this.next();
      return kIOReturnSuccess;
    }
    if (selector === kUnsubscribe) {
      yield* this.unsubscribe();
      return kIOReturnSuccess;
    }
    if (selector !== kSubscribe || memory === null || action === null) return kIOReturnBadArgument;
    const [code, command, address] = yield* this.driver.prepare(memory);
    if (code !== kIOReturnSuccess) return code;
    yield* action.retain();
    yield* memory.retain();
    this.address = address;
    this.underWay.push({ action, memory, command });
    yield* this.next();
    return kIOReturnSuccess;
  }

  /** Asks the device for its next event. */
  private *next(): Program {
    this.asked += 1;
    yield* this.driver.start(kDeviceWrites, this.address, size);
  }

  private *unsubscribe(): Program {
    const { action, memory, command } = this.underWay.pop()!;
    yield* command.CompleteDMA(0);
    yield* command.release();
    yield* memory.release();
    yield* action.release();
  }

  protected override *interruptOccurred(_count: number): Program {
    const [subscription] = this.underWay;
    if (subscription === undefined) return;
    yield* this.AsyncCompletion(subscription.action, kIOReturnSuccess);
    if (!this.fixed && this.asked < events) yield* this.next();
  }
}

export default scenario({
  title: 'Overwritten output: the next event comes before the app has read the last one',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, kSubscribe, port, [], 0, 0, buffer, size);
    const seen: number[] = [];
    for (let event = 1; event <= events; event += 1) {
      yield* app.mach_msg_receive(port);
      const bytes = yield* app.read(buffer, size);
      seen.push(bytes.every((byte) => byte === bytes[0]) ? bytes[0]! : 0);
      if (fixed && event < events) yield* app.IOConnectCallScalarMethod(connect, kNext, []);
    }
    yield* app.IOConnectCallScalarMethod(connect, kUnsubscribe, []);
    yield* app.IOServiceClose(connect);
    return seen.join();
  },

  check({ result }) {
    if (result !== undefined && result !== '1,2,3') return `of events 1,2,3 the app has seen ${result}`;
  },
});
