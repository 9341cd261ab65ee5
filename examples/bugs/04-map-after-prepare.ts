/**
 * Order of map and prepare (facts §10 (4)). The dext prepares client memory, starts the device, and maps the
 * memory only then to keep a look at the old contents. The snapshot has whatever the device has written by then.
 * Fixed: it maps first.
 */
import {
  kIOMemoryDirectionInOut,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  load,
  scenario,
  type IOMemoryDescriptor,
  type IOMemoryMap,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceWrites, machine, mover, MoverClient, MoverDriver, size, type Transfer } from './mover.ts';

export const bug = { number: 4, rule: 'snapshot-race' } as const;

class Client extends MoverClient {
  private map: IOMemoryMap | null = null;

  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const action = args.completion;
    if (action === null) return kIOReturnBadArgument;
    const range = { address: Number(args.scalarInput[0]), length: size };
    const [, memory] = yield* this.CreateMemoryDescriptorFromClient(kIOMemoryDirectionInOut, [range]);
    if (this.fixed) yield* this.keepOld(memory!);
    const [, command, address] = yield* this.driver.prepare(memory!);
    yield* action.retain();
    this.underWay.push({ action, memory: memory!, command });
    yield* this.driver.start(kDeviceWrites, address, size);
    if (!this.fixed) yield* this.keepOld(memory!);
    return kIOReturnSuccess;
  }

  private *keepOld(memory: IOMemoryDescriptor): Program {
    [, this.map] = yield* memory.CreateMapping(0);
  }

  protected override *complete(transfer: Transfer): Program {
    const [old] = yield* load(this.map!.GetAddress(), 1);
    yield* this.map!.release();
    yield* super.complete(transfer, [BigInt(old!)]);
  }
}

export default scenario({
  title: 'Map after prepare: the snapshot of the old contents has what the device wrote',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.memset(buffer, 0xaa, size);
    yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], [BigInt(buffer)]);
    const { args } = yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
    return Number(args[0]);
  },

  check({ result }) {
    if (result !== undefined && result !== 0xaa) return `the old contents are kept as ${result}, but were 170`;
  },
});
