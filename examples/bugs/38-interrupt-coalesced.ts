/**
 * Interrupt coalescing (facts §10 (38)). Two transfers finish before the handler runs: it is called once, with a
 * count of 2. The dext completes one transfer for each call, so the second request is never answered.
 * Fixed: it completes as many as the count says.
 */
import { kIOReturnSuccess, scenario, type IOUserClientMethodArguments, type Program } from 'dextrace';
import { connectTo, kFinished, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 38, rule: 'interrupt-coalesced' } as const;

const kTransfer = 0;
/** A method that takes its time: the queue is busy meanwhile, and interrupts only count. */
const kDiagnose = 1;

class Client extends MoverClient {
  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kTransfer) return yield* super.ExternalMethod(selector, args);
    for (let reads = 0; reads < 100; reads += 1) yield* this.driver.pci.MemoryRead32(0, kFinished);
    return kIOReturnSuccess;
  }

  protected override *interruptOccurred(count: number): Program {
    yield* super.interruptOccurred(this.fixed ? count : 1);
  }
}

export default scenario({
  title: 'Coalesced interrupts: two transfers, one callback, one completion',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    for (const bytes of [4 * size, size]) {
      const buffer = yield* app.mmap(bytes);
      yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], buffer, bytes);
    }
    yield* app.IOConnectCallScalarMethod(connect, kDiagnose, []);
    for (let number = 1; number <= 2; number += 1) yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },
});
