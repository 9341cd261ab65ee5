/**
 * Write between call and first map (facts §10 (3)). Another thread writes to the buffer while the call is in
 * flight. What the dext sees was decided when it made its first mapping, not when the app called.
 * Fixed: the other thread starts when the call has returned.
 */
import { kIOReturnBadArgument, kIOReturnSuccess, load, scenario } from 'dextrace';
import type { IOUserClientMethodArguments, Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 3, rule: 'snapshot-race' } as const;

/** Evaluates to the first byte of the struct. */
class Client extends MoverClient {
  override *ExternalMethod(_selector: number, args: IOUserClientMethodArguments): Program<number> {
    if (args.structureInputDescriptor === null) return kIOReturnBadArgument;
    const [, map] = yield* args.structureInputDescriptor.CreateMapping(0);
    const [first] = yield* load(map!.GetAddress(), 1);
    yield* map!.release();
    args.scalarOutput[0] = BigInt(first!);
    return kIOReturnSuccess;
  }
}

export default scenario({
  title: 'Write before the first map: the snapshot is taken later than the call',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: () => new MoverDriver((driver) => new Client(driver)),

  *app(app, { fixed }) {
    const { connect } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.memset(buffer, 0xaa, size);
    const writes = function* (): Program {
      yield* app.store(buffer, Uint8Array.of(0x55));
    };
    const early = fixed ? undefined : yield* app.pthread_create('other', writes);
    const [, [seen]] = yield* app.IOConnectCallMethod(connect, 0, [], buffer, size, 1, 0, 0);
    yield* app.pthread_join(early ?? (yield* app.pthread_create('other', writes)));
    yield* app.IOServiceClose(connect);
    return Number(seen);
  },

  check({ result }) {
    if (result !== 0xaa) return 'the dext saw a byte that was written while the call was in flight';
  },
});
