/**
 * Truncated segment list (facts §10 (18)). Without an IOMMU each page is a segment. The dext has room for one, gets
 * success, and transfers what that covers. The rest of the output is as it was.
 * Fixed: room for all, and a check that the segments cover the memory.
 */
import {
  IODMACommand,
  kIODMACommandPrepareForDMANoOptions,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  maxSegments,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceWrites, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 18, rule: 'segments-truncated' } as const;

class Client extends MoverClient {
  private readonly fixed: boolean;

  constructor(driver: MoverDriver, fixed: boolean) {
    super(driver);
    this.fixed = fixed;
  }
  /** Transfers of the device until the call is complete. */
  private parts = 0;

  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureOutputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const [, command] = yield* IODMACommand.Create(this.driver.pci, 0, { maxAddressBits: 64 });
    const room = this.fixed ? maxSegments : 1;
    const options = kIODMACommandPrepareForDMANoOptions;
    const [, , count, segments] = yield* command!.PrepareForDMA(options, memory, 0, 0, room);
    yield* action.retain();
    yield* memory.retain();
    this.parts = count;
    this.underWay.push({ action, memory, command: command! });
    for (const { address, length } of segments) yield* this.driver.start(kDeviceWrites, address, length);
    return kIOReturnSuccess;
  }

  protected override *interruptOccurred(count: number): Program {
    this.parts -= count;
    if (this.parts === 0) yield* super.interruptOccurred(1);
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
