/**
 * Process-shared memory (facts §10 (47)). The buffer is shared with a child process, which writes to it when it
 * likes. The device reads live pages, so it sees that; copy-on-write only protects what the dext sees.
 * Fixed: the child is not there before the completion has come.
 */
import { MAP_SHARED, PROT_READ, PROT_WRITE, scenario } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 47, rule: 'late-write' } as const;

export default scenario({
  title: 'Shared between processes: another process writes while the device reads',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: () => new MoverDriver((driver) => new MoverClient(driver)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size, undefined, PROT_READ | PROT_WRITE, MAP_SHARED);
    yield* app.memset(buffer, 0xaa, size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], buffer, size);
    if (fixed) yield* app.mach_msg_receive(port);
    const child = yield* app.fork('child', () => app.memset(buffer, 0x55, size));
    if (!fixed) yield* app.mach_msg_receive(port);
    yield* app.waitpid(child);
    yield* app.IOServiceClose(connect);
  },

  check({ deviceMemory }) {
    const late = deviceMemory.subarray(0, size).filter((byte) => byte !== 0xaa).length;
    if (late > 0) return `${late} of the ${size} bytes that the device read were written by the child`;
  },
});
