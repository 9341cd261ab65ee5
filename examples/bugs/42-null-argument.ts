/**
 * Both NULL (facts §10 (42)). The app passes NULL with a size above 4096. The kernel makes no descriptor, and the
 * call arrives all the same: neither structureInput nor structureInputDescriptor is there. The dext uses it unseen.
 * Fixed: the dext looks.
 */
import {
  kIOReturnBadArgument,
  kIOReturnSuccess,
  mustNotBeNull,
  scenario,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 42, rule: 'null-argument' } as const;

class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (this.fixed && args.structureInputDescriptor === null) return kIOReturnBadArgument;
    const memory = mustNotBeNull(args.structureInputDescriptor, 'structureInputDescriptor');
    yield* memory.GetLength();
    return kIOReturnSuccess;
  }
}

export default scenario({
  title: 'NULL argument: an app crashes the dext',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect } = yield* connectTo(app);
    const [code] = yield* app.IOConnectCallStructMethod(connect, 0, 0, size);
    yield* app.IOServiceClose(connect);
    return code;
  },
});
