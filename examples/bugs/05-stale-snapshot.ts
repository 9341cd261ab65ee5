/**
 * Retained snapshot (facts §10 (5)). The dext keeps the descriptor of the first call and maps it again for each
 * later one, to see what is new. Every mapping of a descriptor shows the snapshot of the first.
 * Fixed: the app passes the struct again, and the dext uses the descriptor of that call.
 */
import {
  kIOReturnBadArgument,
  kIOReturnSuccess,
  load,
  scenario,
  type IOMemoryDescriptor,
  type IOUserClientMethodArguments,
  type Program,
} from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 5, rule: 'stale-snapshot' } as const;

/** Evaluates to the first byte of the memory as it is now, or so it believes. */
class Client extends MoverClient {
  private kept: IOMemoryDescriptor | null = null;

  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    const given = args.structureInputDescriptor;
    if (given !== null && !this.fixed && this.kept === null) {
      yield* given.retain();
      this.kept = given;
    }
    const memory = this.kept ?? given;
    if (memory === null) return kIOReturnBadArgument;
    const [, map] = yield* memory.CreateMapping(0);
    const [first] = yield* load(map!.GetAddress(), 1);
    yield* map!.release();
    args.scalarOutput[0] = BigInt(first!);
    return kIOReturnSuccess;
  }

  override *Stop(provider: Parameters<MoverClient['Stop']>[0]): Program<number> {
    if (this.kept !== null) yield* this.kept.release();
    return yield* super.Stop(provider);
  }
}

export default scenario({
  title: 'Stale snapshot: a kept descriptor shows what was there at its first mapping',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: ({ fixed }) => new MoverDriver((driver) => new Client(driver, fixed)),

  *app(app) {
    const { connect } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    const seen: number[] = [];
    for (const value of [0xaa, 0x55]) {
      yield* app.memset(buffer, value, size);
      const [, [first]] = yield* app.IOConnectCallMethod(connect, 0, [], buffer, size, 1, 0, 0);
      seen.push(Number(first));
    }
    yield* app.IOServiceClose(connect);
    return seen;
  },

  check({ result }) {
    if (result?.[1] !== 0x55) return 'the second call saw what the first one passed';
  },
});
