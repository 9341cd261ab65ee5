/**
 * Use before resolve (facts §10 (6)). The descriptor of a struct is only a name for addresses until it is prepared
 * or mapped. The dext prepares later, on its queue; the app has unmapped the memory and mapped other there.
 * Fixed: the app leaves its addresses alone until the completion has come.
 */
import {
  kIOReturnBadArgument,
  kIOReturnSuccess,
  kIOServiceDefaultQueueName,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 6, rule: 'remapped-before-resolve' } as const;

/** Starts the transfer some time after the call. */
class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureInputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    yield* memory.retain();
    yield* action.retain();
    const client = this;
    yield* this.CopyDispatchQueue(kIOServiceDefaultQueueName).DispatchAsync(function* () {
      const code = yield* client.transfer(action, memory, true);
      if (code !== kIOReturnSuccess) yield* client.AsyncCompletion(action, code);
      yield* memory.release();
      yield* action.release();
    });
    return kIOReturnSuccess;
  }
}

export default scenario({
  title: 'Use before resolve: the addresses belong to other memory when they are looked up',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: () => new MoverDriver((driver) => new Client(driver)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.memset(buffer, 0xaa, size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    if (fixed) yield* app.mach_msg_receive(port);
    yield* app.mmap(size, buffer); // other memory, at the same addresses
    if (!fixed) yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },

  check({ deviceMemory }) {
    if (deviceMemory.subarray(0, size).some((byte) => byte !== 0xaa)) return 'the device read other memory';
  },
});
