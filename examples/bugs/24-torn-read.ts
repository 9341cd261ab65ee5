/**
 * Output read before completion (facts §10 (24)). The app polls the last word of the output buffer and takes it as a
 * sign that all is there; and it reads the rest with plain loads while the device is at work: a mix of old and new.
 * Fixed: it waits for the completion.
 */
import { scenario } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver, size } from './mover.ts';

export const bug = { number: 24, rule: 'torn-read' } as const;

export default scenario({
  title: 'Torn read: the app reads the output while the device writes it',
  options: { fixed: false },
  machine,
  device: mover(),
  dext: () => new MoverDriver((driver) => new MoverClient(driver)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(size);
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, buffer, size);
    if (fixed) yield* app.mach_msg_receive(port);
    else while ((yield* app.load(buffer + 1024, 1))[0] === 0); // "it has begun, so I can follow it"
    const bytes = yield* app.read(buffer, size);
    if (!fixed) yield* app.mach_msg_receive(port);
    yield* app.IOServiceClose(connect);
    return bytes.filter((byte) => byte === 0).length;
  },

  check({ result }) {
    if (result !== undefined && result > 0) return `${result} of ${size} bytes are old, the others new`;
  },
});
