/**
 * Half-dead command (facts §10 (17)). PrepareForDMA has failed late. The command stays active: CompleteDMA says
 * NotReady, and every prepare with other memory says Busy, for ever.
 * Fixed: the dext checks the length first, and would release a command whose prepare has failed.
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

export const bug = { number: 17, rule: 'half-dead-command' } as const;

/** The first scalar is how much of the struct to transfer. */
class Client extends MoverClient {
  private kept: IODMACommand | null = null;

  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureInputDescriptor;
    const action = args.completion;
    const length = Number(args.scalarInput[0]);
    if (memory === null || action === null) return kIOReturnBadArgument;
    if (this.fixed && length > (yield* memory.GetLength())[1]) return kIOReturnBadArgument;
    const command = this.kept ?? (yield* IODMACommand.Create(this.driver.pci, 0, { maxAddressBits: 64 }))[1]!;
    this.kept = null;
    const options = kIODMACommandPrepareForDMANoOptions;
    const [code, , , segments] = yield* command.PrepareForDMA(options, memory, 0, length);
    if (code !== kIOReturnSuccess) {
      if (this.fixed) yield* command.release();
      else this.kept = command; // for the next call
      return code;
    }
    return yield* this.begin({ action, memory, command }, kDeviceReads, segments);
  }

  override *Stop(provider: Parameters<MoverClient['Stop']>[0]): Program<number> {
    if (this.kept !== null) yield* this.kept.release();
    return yield* super.Stop(provider);
  }
}

export default scenario({
  title: 'Half-dead command: after one failed prepare nothing works with it any more',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const codes: number[] = [];
    for (const length of [2 * size, size]) {
      const buffer = yield* app.mmap(size);
      const scalars = [BigInt(length)];
      const [code] = yield* app.IOConnectCallAsyncMethod(connect, 0, port, [], scalars, buffer, size, 0, 0, 0);
      codes.push(code);
      if (code === kIOReturnSuccess) yield* app.mach_msg_receive(port);
    }
    yield* app.IOServiceClose(connect);
    return codes;
  },

  check({ result }) {
    if (result !== undefined && result[1] !== kIOReturnSuccess)
      return 'a good call fails because a bad one came before';
  },
});
