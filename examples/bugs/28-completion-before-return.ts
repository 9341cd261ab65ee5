/**
 * Completion before the call returns (facts §10 (28)). The call's reply and the completion travel by different
 * ports. A thread that serves the port can have the completion before the other one has noted its request.
 * Fixed: the request is noted before the call.
 */
import { scenario, type Program } from 'dextrace';
import { connectTo, machine, mover, MoverClient, MoverDriver } from './mover.ts';

export const bug = { number: 28, rule: 'completion-before-return' } as const;

export default scenario({
  title: 'Completion before return: the answer is there before the request is noted',
  options: { fixed: false },
  machine: { ...machine, storeWidth: 8 },
  device: mover(),
  dext: () => new MoverDriver((driver) => new MoverClient(driver)),

  *app(app, { fixed }) {
    const { connect, port } = yield* connectTo(app);
    const buffer = yield* app.mmap(4097);
    const mutex = yield* app.pthread_mutex_init();
    const requests = new Set<number>();
    let known = true;
    const server = yield* app.pthread_create('server', function* (): Program {
      const { reference } = yield* app.mach_msg_receive(port);
      yield* app.pthread_mutex_lock(mutex);
      known = requests.delete(Number(reference[1]));
      yield* app.pthread_mutex_unlock(mutex);
    });
    /** Makes the record of a request, and keeps it where the server looks for it. */
    const note = function* (): Program {
      const record = yield* app.malloc(64);
      yield* app.write(record, new Uint8Array(64).fill(1));
      yield* app.pthread_mutex_lock(mutex);
      requests.add(1);
      yield* app.pthread_mutex_unlock(mutex);
    };
    if (fixed) yield* note();
    yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [0n, 1n], buffer, 4097);
    if (!fixed) yield* note();
    yield* app.pthread_join(server);
    yield* app.IOServiceClose(connect);
    return known;
  },

  check({ result }) {
    if (result === false) return 'a completion came for a request that nobody knew';
  },
});
