/**
 * Concurrent prepare (facts §10 (22)). Two queues of the dext prepare and complete one struct descriptor at the same
 * time. Such a descriptor has no lock of its own: the wires are counted wrong, or the pages wired twice.
 * Fixed: both use the same queue.
 */
import {
  IODispatchQueue,
  kIOReturnBadArgument,
  kIOReturnSuccess,
  kIOServiceDefaultQueueName,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 22, rule: 'unlocked-prepare' } as const;

/** Prepares the struct twice, "for two channels", and completes when both are done. */
class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureInputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const { driver } = this;
    const client = this;
    yield* action.retain();
    let left = 2;
    const channel = function* (): Program {
      const [code, command] = yield* driver.prepare(memory);
      if (code === kIOReturnSuccess) yield* command.CompleteDMA(0);
      yield* command.release();
      yield* memory.release();
      left -= 1;
      if (left > 0) return;
      yield* client.AsyncCompletion(action, kIOReturnSuccess);
      yield* action.release();
    };
    const own = this.CopyDispatchQueue(kIOServiceDefaultQueueName);
    const other = this.fixed ? own : (yield* IODispatchQueue.Create('other'))[1];
    for (const queue of [own, other]) {
      yield* memory.retain();
      yield* queue.DispatchAsync(channel);
    }
    return kIOReturnSuccess;
  }
}

export default scenario({
  title: 'Unlocked prepare: two queues wire one struct descriptor',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },

  check({ world }) {
    const wired = [...world.frames.values()].filter((frame) => frame.wires > 0).length;
    if (wired > 0) return `${wired} pages are wired for nobody`;
  },
});
