/**
 * Low address bits (facts §10 (46)). The device has 32 address bits and the machine no IOMMU: the app's pages lie
 * above 4 GiB, and PrepareForDMA says MessageTooLarge.
 * Fixed: the device can use 64 bits.
 */
import {
  IODMACommand,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceReads, machine, mover, MoverClient, MoverDriver } from './mover.ts';

export const bug = { number: 46, rule: 'address-too-high' } as const;

/** One page: a single segment without an IOMMU. */
const size = 4096 + 1;

class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureInputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const [, command] = yield* IODMACommand.Create(this.driver.pci, 0, { maxAddressBits: this.fixed ? 64 : 32 });
    const [code, , , segments] = yield* command!.PrepareForDMA(0, memory, 0, 0);
    if (code !== kIOReturnSuccess) {
      yield* command!.release();
      return code;
    }
    return yield* this.begin({ action, memory, command: command! }, kDeviceReads, segments);
  }
}

export default scenario({
  title: 'Address too high: 32 bits do not reach the memory of the app',
  options: { fixed: false },
  machine: { ...machine, mapper: 'none' },
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    const [code] = yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    if (code === kIOReturnSuccess) yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
    return code;
  },

  check({ result }) {
    if (result !== undefined && result !== kIOReturnSuccess) return 'the memory could not be prepared';
  },
});
