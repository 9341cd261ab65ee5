/**
 * Offset with length 0 (facts §10 (19)). The dext leaves out a header of one page: offset 4096, length 0 for "the
 * rest". But length 0 is the length of all the memory, so the mapping runs past its end.
 * Fixed: it passes the rest's length.
 */
import {
  IODMACommand,
  kIODMACommandPrepareForDMANoOptions,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceReads, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 19, rule: 'prepare-past-end' } as const;

class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureInputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const [, command] = yield* IODMACommand.Create(this.driver.pci, 0, { maxAddressBits: 64 });
    const options = kIODMACommandPrepareForDMANoOptions;
    const length = this.fixed ? size - 4096 : 0;
    const [code, , , segments] = yield* command!.PrepareForDMA(options, memory, 4096, length);
    if (code !== kIOReturnSuccess) {
      yield* command!.release();
      return code;
    }
    return yield* this.begin({ action, memory, command: command! }, kDeviceReads, segments);
  }
}

export default scenario({
  title: 'Prepare past the end: length 0 is not the rest',
  options: { fixed: false },
  machine,
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
    if (result !== undefined && result !== kIOReturnSuccess) return 'nothing can be transferred';
  },
});
