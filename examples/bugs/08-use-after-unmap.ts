/**
 * munmap during DMA (facts §10 (8)). The app unmaps the output buffer before the device has written it and maps
 * fresh memory there. The device goes on with the old pages, which nobody sees; the completion says success.
 * Fixed: the app unmaps it after the completion.
 */
import { scenario } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 8, rule: 'use-after-unmap' } as const;

export default scenario({
  title: 'Use after unmap: the result goes to pages that are in no address space',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: () => new MoverDriver((driver) => new MoverClient(driver)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, buffer, size);
    if (!fixed) yield* app.mmap(size, buffer); // "to get zeroed memory"
    const { result } = yield* app.mach_msg_receive(port);
    const bytes = yield* app.read(buffer, size);
    yield* app.munmap(buffer, size);
    yield* app.IOServiceClose(connect);
    return { result, missing: bytes.filter((byte) => byte !== 1).length };
  },

  check({ result }) {
    if (result !== undefined && result.missing > 0) return `success, but ${result.missing} bytes never arrived`;
  },
});
