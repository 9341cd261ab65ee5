/**
 * Neighbour corruption (facts §10 (40)). The buffer begins in the middle of a page and ends in another, and the
 * device writes whole lines of 256 bytes. The IOMMU maps whole pages, so nothing stops it from overwriting what the
 * app keeps behind the buffer.
 * Fixed: the device is told the exact length.
 */
import {
  kIOReturnBadArgument,
  kIOReturnSuccess,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, kDeviceWrites, machine, mover, MoverClient, MoverDriver } from './mover.ts';

export const bug = { number: 40, rule: 'neighbour-overwritten' } as const;

const line = 256;
/** Bytes of the output: not a whole number of lines. */
const size = 5000;

class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureOutputDescriptor;
    const action = args.completion;
    if (memory === null || action === null) return kIOReturnBadArgument;
    const [code, command, address] = yield* this.driver.prepare(memory);
    if (code !== kIOReturnSuccess) return code;
    const length = this.fixed ? size : Math.ceil(size / line) * line;
    return yield* this.begin({ action, memory, command }, kDeviceWrites, [{ address, length }]);
  }
}

export default scenario({
  title: 'Overwritten neighbour: the device writes whole lines, the buffer ends within one',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.malloc(size);
    const neighbour = yield* app.malloc(64);
    yield* app.memset(neighbour, 0xaa, 64);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, buffer, size);
    yield* app.mach_msg_receive(port);
    const bytes = yield* app.read(neighbour, 64);
    yield* app.IOServiceClose(connect);
    return bytes.filter((byte) => byte !== 0xaa).length;
  },

  check({ result }) {
    if (result !== undefined && result > 0) return `${result} bytes behind the buffer are overwritten`;
  },
});
