/**
 * Length of a large output (facts §10 (41)). The device had less to say than the buffer holds. For an output of more
 * than 4096 bytes the call leaves the app's count as it was, and the app reads bytes that nobody has written.
 * Fixed: the completion says how many bytes are valid.
 */
import {
  kIOReturnBadArgument,
  kIOReturnSuccess,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceWrites, machine, mover, MoverClient, MoverDriver, size, type Transfer } from './mover.ts';

export const bug = { number: 41, rule: 'stale-output' } as const;

/** What the device had to say. */
const said = 5 * 1024;

class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureOutputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const [code, command, address] = yield* this.driver.prepare(memory);
    if (code !== kIOReturnSuccess) return code;
    return yield* this.begin({ action, memory, command }, kDeviceWrites, [{ address, length: said }]);
  }

  protected override *complete(transfer: Transfer): Program {
    yield* super.complete(transfer, [BigInt(said)]);
  }
}

export default scenario({
  title: 'Stale output: the app trusts a count that nobody has set',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: () => new MoverDriver((driver) => new Client(driver)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.memset(buffer, 0xaa, size); // what was there before
    const [, count] = yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, buffer, size);
    const { args } = yield* app.mach_msg_receive(port);
    const bytes = yield* app.read(buffer, fixed ? Number(args[0]) : count);
    yield* app.IOServiceClose(connect);
    return bytes.filter((byte) => byte === 0xaa).length;
  },

  check({ result }) {
    if (result !== undefined && result > 0) return `${result} bytes of the answer are what was there before`;
  },
});
