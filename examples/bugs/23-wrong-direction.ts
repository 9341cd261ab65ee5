/**
 * Direction mismatch (facts §10 (23)). The app passes the memory for the answer as struct input, and the device
 * writes into it. VT-d drops the writes; a DART reportedly lets them through, so it works on one Mac and not on another.
 * Fixed: the memory is a struct output.
 */
import { kIOReturnBadArgument, scenario, type IOUserClientMethodArguments, type Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 23, rule: 'wrong-direction' } as const;

/** The device fills the struct, whichever it is. */
class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const memory = args.structureOutputDescriptor ?? args.structureInputDescriptor;
    if (memory === null || args.completion === null) return kIOReturnBadArgument;
    return yield* this.transfer(args.completion, memory, false);
  }
}

export default scenario({
  title: 'Wrong direction: the device writes into a struct input',
  options: { fixed: false },
  machine: { ...machine, mapper: 'vtd' },
  device: mover(),
  dext: () => new MoverDriver((driver) => new Client(driver)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    const [input, inputSize, output, outputSize] = fixed ? [0, 0, buffer, size] : [buffer, size, 0, 0];
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], input, inputSize, output, outputSize);
    yield* app.mach_msg_receive(port);
    const bytes = yield* app.read(buffer, size);
    yield* app.IOServiceClose(connect);
    return bytes.filter((byte) => byte === 0).length;
  },

  check({ result }) {
    if (result !== undefined && result > 0) return `complete, but ${result} bytes did not get through`;
  },
});
