/**
 * Partial complete with a shared mapping (facts §10 (21)). Two commands prepare one descriptor; under the system
 * mapper they share its bus addresses. The dext completes the first while its transfer is still running. The
 * addresses stay valid through the second, so nothing catches what the device does there.
 * Fixed: a command is completed when its own transfer has finished.
 */
import {
  kIOReturnBadArgument,
  kIOReturnNotReady,
  kIOReturnSuccess,
  scenario,
  type IODMACommand,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceReads, machine, mover, MoverClient, MoverDriver, size, type Transfer } from './mover.ts';

export const bug = { number: 21, rule: 'use-after-complete' } as const;

const kTransfer = 0;
const kAgain = 1;

/** `kAgain` transfers the same memory once more, with a second command. */
class Client extends MoverClient {
  private second: IODMACommand | null = null;
  /** Interrupts until both transfers are done. */
  private transfers = 1;

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kTransfer) return yield* super.ExternalMethod(selector, args);
    if (selector !== kAgain) return kIOReturnBadArgument;
    const [first] = this.underWay;
    if (first === undefined) return kIOReturnNotReady;
    const [code, second, address] = yield* this.driver.prepare(first.memory);
    if (code !== kIOReturnSuccess) return code;
    this.second = second;
    this.transfers += 1;
    yield* this.driver.start(kDeviceReads, address, size);
    if (!this.fixed) yield* first.command.CompleteDMA(0); // "the second keeps it mapped"
    return kIOReturnSuccess;
  }

  protected override *interruptOccurred(count: number): Program {
    this.transfers -= count;
    if (this.transfers === 0) yield* super.interruptOccurred(1);
  }

  protected override *complete(transfer: Transfer): Program {
    if (this.second === null) {
      yield* super.complete(transfer);
      return;
    }
    if (this.fixed) yield* transfer.command.CompleteDMA(0);
    yield* transfer.command.release();
    yield* super.complete({ ...transfer, command: this.second });
  }
}

export default scenario({
  title: 'Shared mapping: a completed command whose bus addresses another one keeps alive',
  options: { fixed: false },
  machine: { ...machine, mapper: 'vtd' },
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], buffer, size);
    yield* app.IOConnectCallScalarMethod(connect, kAgain, []);
    yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },
});
