/**
 * Truncated segment list (facts §10 (18)). Without an IOMMU each page is a segment. The dext has room for one, gets
 * success, and transfers what that covers. The rest of the output is as it was.
 * Fixed: room for all, and a check that the segments cover the memory.
 */
import {
  IODMACommand,
  kIODMACommandPrepareForDMANoOptions,
  kIOReturnBadArgument,
  maxSegments,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceWrites, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 18, rule: 'segments-truncated' } as const;

class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureOutputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const [, command] = yield* IODMACommand.Create(this.driver.pci, 0, { maxAddressBits: 64 });
    const room = this.fixed ? maxSegments : 1;
    const options = kIODMACommandPrepareForDMANoOptions;
    const [, , , segments] = yield* command!.PrepareForDMA(options, memory, 0, 0, room);
    return yield* this.begin({ action, memory, command: command! }, kDeviceWrites, segments);
  }
}

export default scenario({
  title: 'Truncated segments: success, but only the first page was transferred',
  options: { fixed: false },
  machine: { ...machine, mapper: 'none' },
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, buffer, size);
    yield* app.mach_msg_receive(port);
    const bytes = yield* app.read(buffer, size);
    yield* app.IOServiceClose(connect);
    return bytes.filter((byte) => byte === 0).length;
  },

  check({ result }) {
    if (result !== undefined && result > 0) return `complete, but ${result} bytes were never written`;
  },
});
