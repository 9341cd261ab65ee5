/**
 * structureOutput on a descriptor call (facts §10 (43)). The dext starts the device on the output descriptor and
 * returns a small structureOutput as well. For that there is no room: the call fails with BadArgument, the app
 * frees its buffer, and the device writes on.
 * Fixed: what else there is to say goes into a scalar.
 */
import { kIOReturnSuccess, OSData, scenario, type IOUserClientMethodArguments, type Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 43, rule: 'output-beside-descriptor' } as const;

class Client extends MoverClient {
  override *ExternalMethod(selector: number, args: IOUserClientMethodArguments): Program<number> {
    const code = yield* super.ExternalMethod(selector, args);
    if (this.fixed) args.scalarOutput[0] = 7n;
    else args.structureOutput = OSData.withBytes(Uint8Array.of(7));
    return code;
  }
}

export default scenario({
  title: 'Output beside a descriptor: the call fails when the device is at work',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.malloc(size);
    const [code] = yield* app.IOConnectCallAsyncMethod(connect, 0, port, [], [], 0, 0, 1, buffer, size);
    if (code === kIOReturnSuccess) yield* app.mach_msg_receive(port);
    yield* app.free(buffer);
    const other = yield* app.malloc(size);
    yield* app.memset(other, 0x55, size);
    yield* app.IOServiceClose(connect);
    const bytes = yield* app.read(other, size);
    return bytes.filter((byte) => byte !== 0x55).length;
  },

  check({ result }) {
    if (result !== undefined && result > 0) return `the device has overwritten ${result} bytes of another block`;
  },
});
