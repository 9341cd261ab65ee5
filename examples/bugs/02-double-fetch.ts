/**
 * CPU and DMA disagree (facts §10 (2)). The dext checks the command in the struct through its mapping, which is a
 * snapshot, and then lets the device execute it from the app's live pages: other bytes than those that were checked.
 * Fixed: the device gets the bytes that the dext has checked, in a buffer of the dext's own.
 */
import {
  IOBufferMemoryDescriptor,
  kIOMemoryDirectionOut,
  kIOReturnBadArgument,
  load,
  memcpy,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 2, rule: 'double-fetch' } as const;

const kHarmless = 0x01;
const kHarmful = 0xee;

class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureInputDescriptor;
    if (memory === null || args.completion === null) return kIOReturnBadArgument;
    const [, map] = yield* memory.CreateMapping(0);
    const [command] = yield* load(map!.GetAddress(), 1);
    if (command !== kHarmless) return kIOReturnBadArgument;
    if (!this.fixed) {
      yield* map!.release();
      return yield* this.transfer(args.completion, memory, true);
    }
    const [, own] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionOut, size);
    const [, { address }] = yield* own!.GetAddressRange();
    yield* memcpy(address, map!.GetAddress(), size);
    yield* map!.release();
    return yield* this.transfer(args.completion, own!, true);
  }
}

export default scenario({
  title: 'Double fetch: the dext checks a snapshot, the device executes the live bytes',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.memset(buffer, kHarmless, size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    yield* app.store(buffer, Uint8Array.of(kHarmful)); // after the dext has checked it
    yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },

  check({ deviceMemory }) {
    if (deviceMemory[0] === kHarmful) return 'the device executed a command that the dext never saw';
  },
});
