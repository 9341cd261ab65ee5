/**
 * Stop does not wait for the device (facts §10 (33)). The client has opened the device itself; it calls super::Stop
 * with a transfer under way. The kernel closes the provider: bus lead goes off in the middle of a burst.
 * Fixed: super::Stop comes after the last transfer.
 */
import { scenario, type IOPCIDevice, type IOService, type Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 33, rule: 'stop-while-running' } as const;

class Client extends MoverClient {
  override *Stop(provider: IOService | IOPCIDevice): Program<number> {
    if (this.fixed) return yield* super.Stop(provider);
    const underWay = this.underWay.splice(0);
    const code = yield* super.Stop(provider);
    for (const { action, memory, command } of underWay) {
      yield* command.release();
      yield* memory.release();
      yield* action.release();
    }
    return code;
  }
}

export default scenario({
  title: 'Stop while running: the client goes, the device works on',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, buffer, size);
    yield* app.IOServiceClose(connect); // without waiting
  },
});
