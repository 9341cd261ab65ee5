/**
 * Free during DMA (facts §10 (7)). The app frees the output buffer while the device writes it, and the next malloc
 * of that size gets the same block: the device overwrites what somebody else keeps there.
 * Fixed: the app frees it after the completion.
 */
import { scenario } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 7, rule: 'use-after-free' } as const;

export default scenario({
  title: 'Use after free: the device writes into a block that has another owner',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: () => new MoverDriver((driver) => new MoverClient(driver)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const [, buffer] = yield* app.posix_memalign(4096, size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, buffer, size);
    if (fixed) yield* app.mach_msg_receive(port);
    yield* app.free(buffer);
    const [, other] = yield* app.posix_memalign(4096, size);
    yield* app.memset(other, 0x55, size);
    if (!fixed) yield* app.mach_msg_receive(port);
    const bytes = yield* app.read(other, size);
    yield* app.IOServiceClose(connect);
    return bytes.filter((byte) => byte !== 0x55).length;
  },

  check({ result }) {
    if (result !== undefined && result > 0)
      return `${result} bytes of a block that the app has just filled are changed`;
  },
});
