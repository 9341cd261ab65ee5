/**
 * Prepare other memory while active (facts §10 (16)). The dext has one command for all transfers. While the first
 * is under way, the second call's PrepareForDMA returns Busy.
 * Fixed: a command for each transfer.
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

export const bug = { number: 16, rule: 'prepared-busy' } as const;

class Client extends MoverClient {
  private shared: IODMACommand | null = null;

  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (this.fixed) return yield* super.ExternalMethod(selector, args);
    const memory = args.structureInputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    this.shared ??= (yield* IODMACommand.Create(this.driver.pci, 0, { maxAddressBits: 64 }))[1]!;
    const command = this.shared;
    const [code, , , segments] = yield* command.PrepareForDMA(kIODMACommandPrepareForDMANoOptions, memory, 0, 0);
    if (code !== kIOReturnSuccess) return code;
    yield* action.retain();
    yield* memory.retain();
    yield* command.retain(); // given back when the transfer is complete
    this.underWay.push({ action, memory, command });
    yield* this.driver.start(kDeviceReads, segments[0]!.address, size);
    return kIOReturnSuccess;
  }

  override *Stop(provider: Parameters<MoverClient['Stop']>[0]): Program<number> {
    if (this.shared !== null) yield* this.shared.release();
    return yield* super.Stop(provider);
  }
}

export default scenario({
  title: 'Prepared while busy: one command for two transfers',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const codes: number[] = [];
    for (let number = 0; number < 2; number += 1) {
      const buffer = yield* app.mmap(size);
      const [code] = yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
      codes.push(code);
    }
    for (const code of codes) if (code === kIOReturnSuccess) yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
    return codes;
  },

  check({ result }) {
    if (result?.some((code) => code !== kIOReturnSuccess)) return 'the second transfer was refused';
  },
});
