/**
 * dext crash in the middle of DMA (facts §10 (36)). A second call makes the dext crash while a transfer of the first
 * is under way. The synchronous call returns MIG_SERVER_DIED; the asynchronous one gets no completion, ever; the
 * device is reset, and the output holds as much as it had written by then.
 * Fixed: the dext checks what the second call passes.
 */
import {
  kIOReturnBadArgument,
  kIOReturnSuccess,
  millisecond,
  mustNotBeNull,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 36, rule: 'dext-died-in-dma' } as const;

const kTransfer = 0;
const kConfigure = 1;

class Client extends MoverClient {
  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kTransfer) return yield* super.ExternalMethod(selector, args);
    if (this.fixed && args.structureInput === null) return kIOReturnBadArgument;
    mustNotBeNull(args.structureInput, 'structureInput').getBytesNoCopy();
    return kIOReturnSuccess;
  }
}

export default scenario({
  title: 'dext died in DMA: a crash in one call takes the transfer of another with it',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], 0, 0, buffer, size);
    yield* app.IOConnectCallScalarMethod(connect, kConfigure, []);
    const completion = yield* app.mach_msg_receive(port, 100 * millisecond);
    yield* app.IOServiceClose(connect);
    return completion !== undefined;
  },

  check({ result }) {
    if (result === false) return 'no completion came';
  },
});
