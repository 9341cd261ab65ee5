/**
 * Unmap asks the dext again (facts §10 (44)). IOConnectUnmapMemory64 calls CopyClientMemoryForType once more, and
 * unmaps only what that answers with. This dext makes a new buffer for every call: the unmap fails with BadArgument,
 * and the old mapping stays until the connection goes.
 * Fixed: it keeps one buffer for the type, and returns that.
 */
import {
  IOBufferMemoryDescriptor,
  kIOMemoryDirectionInOut,
  kIOReturnSuccess,
  scenario,
  type IOMemoryDescriptor,
  type IOPCIDevice,
  type IOService,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 44, rule: 'unmap-mismatch' } as const;

class Client extends MoverClient {
  private buffer: IOMemoryDescriptor | null = null;

  override *CopyClientMemoryForType(_type: number): Program<[number, number, IOMemoryDescriptor | null]> {
    if (!this.fixed) return [kIOReturnSuccess, 0, yield* this.create()];
    this.buffer ??= yield* this.create();
    yield* this.buffer.retain(); // one reference goes with the answer
    return [kIOReturnSuccess, 0, this.buffer];
  }

  private *create(): Program<IOMemoryDescriptor> {
    return (yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, size))[1]!;
  }

  override *Stop(provider: IOService | IOPCIDevice): Program<number> {
    if (this.buffer !== null) yield* this.buffer.release();
    return yield* super.Stop(provider);
  }
}

export default scenario({
  title: 'Unmap mismatch: the app cannot unmap what it has mapped',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect } = yield* connectTo(app);
    const [, address] = yield* app.IOConnectMapMemory64(connect, 0);
    yield* app.store(address, Uint8Array.of(1));
    const code = yield* app.IOConnectUnmapMemory64(connect, 0, address);
    yield* app.IOServiceClose(connect);
    return code;
  },

  check({ result }) {
    if (result !== undefined && result !== kIOReturnSuccess) return 'the mapping could not be taken back';
  },
});
