/**
 * Late write (facts §10 (1)). The call has returned, so the app reuses its buffer. But the call only started the
 * transfer: the device reads the app's live pages, some before and some after the write.
 * Fixed: the app waits for the completion.
 */
import { scenario } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 1, rule: 'late-write' } as const;

export default scenario({
  title: 'Late write: the app reuses its buffer when the call has returned',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: () => new MoverDriver((driver) => new MoverClient(driver)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.memset(buffer, 0xaa, size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    if (fixed) yield* app.mach_msg_receive(port);
    yield* app.memset(buffer, 0x55, size);
    if (!fixed) yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
  },

  check({ deviceMemory }) {
    const late = deviceMemory.subarray(0, size).filter((byte) => byte !== 0xaa).length;
    if (late > 0) return `${late} of the ${size} bytes that the device read were written after the call`;
  },
});
