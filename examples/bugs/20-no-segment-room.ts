/**
 * segmentsCount 0 (facts §10 (20)). The count of PrepareForDMA is in and out: how much room there is, and how many
 * segments there are. With the 0 that it was initialised with, the memory is wired, unwired, and the call fails.
 * Fixed: it says how much room there is.
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

export const bug = { number: 20, rule: 'no-segment-room' } as const;

class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureInputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const [, command] = yield* IODMACommand.Create(this.driver.pci, 0, { maxAddressBits: 64 });
    const options = kIODMACommandPrepareForDMANoOptions;
    const room = this.fixed ? 32 : 0;
    const [code, , , segments] = yield* command!.PrepareForDMA(options, memory, 0, 0, room);
    if (code !== kIOReturnSuccess) {
      yield* command!.release();
      return code;
    }
    return yield* this.begin({ action, memory, command: command! }, kDeviceReads, segments);
  }
}

export default scenario({
  title: 'No room for segments: a count of 0 is BadArgument',
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
    if (result !== undefined && result !== kIOReturnSuccess) return 'the memory could not be prepared';
  },
});
