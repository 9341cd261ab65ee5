/**
 * CompleteDMA before the device has stopped (facts §10 (12)). The app cancels; the dext ends the device's access at
 * once and answers. CompleteDMA does not ask the device, which goes on: its accesses now fault, or, without an
 * IOMMU, hit memory that has another owner.
 * Fixed: the transfer is only marked; the interrupt completes it.
 */
import {
  kIOReturnAborted,
  kIOReturnSuccess,
  millisecond,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 12, rule: 'complete-while-running' } as const;

const kTransfer = 0;
const kCancel = 1;

class Client extends MoverClient {
  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (selector === kTransfer) return yield* super.ExternalMethod(selector, args);
    const transfer = this.fixed ? undefined : this.underWay.shift();
    if (transfer === undefined) return kIOReturnSuccess; // the interrupt completes it
    const { action, memory, command } = transfer;
    yield* command.CompleteDMA(0);
    yield* command.release();
    yield* memory.release();
    yield* this.AsyncCompletion(action, kIOReturnAborted);
    yield* action.release();
    return kIOReturnSuccess;
  }
}

export default scenario({
  title: 'Complete while running: the device goes on after its access has ended',
  options: { fixed: false },
  machine: { ...machine, mapper: 'none', physical: 'contiguous' },
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], 0, 0, buffer, size);
    yield* app.IOConnectCallScalarMethod(connect, kCancel, []);
    yield* app.mach_msg_receive(port);
    yield* app.munmap(buffer, size); // its frames are the next to be handed out
    const other = yield* app.mmap(size);
    yield* app.memset(other, 0x55, size);
    yield* app.sleep(millisecond);
    const bytes = yield* app.read(other, size);
    yield* app.IOServiceClose(connect);
    return bytes.filter((byte) => byte !== 0x55).length;
  },

  check({ result }) {
    if (result !== undefined && result > 0)
      return `the device has changed ${result} bytes of memory that it was never given`;
  },
});
