/**
 * Completion after close (facts §10 (30)). The app closes the connection while its transfer is under way, frees the
 * buffer, and keeps the port for its next connection. The old completion arrives there.
 * Fixed: it waits for the completion before it closes.
 */
import { scenario } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 30, rule: 'completion-after-close' } as const;

export default scenario({
  title: 'Completion after close: for a buffer that is gone',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: () => new MoverDriver((driver) => new MoverClient(driver)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    if (fixed) yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
    const late = fixed ? undefined : yield* app.mach_msg_receive(port, 1_000_000);
    return late === undefined;
  },

  check({ result }) {
    if (result === false) return 'a completion came when the connection was closed';
  },
});
