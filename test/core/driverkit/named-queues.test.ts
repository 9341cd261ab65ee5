/** facts §7.4: which queue the kernel runs a method on. */
import { expect, test } from 'vitest';
import {
  IODispatchQueue,
  IOBufferMemoryDescriptor,
  kIOMemoryDirectionInOut,
  kIOServiceDefaultQueueName,
  kIOUserClientQueueNameExternalMethod,
} from '../../../index.ts';
import { runs } from '../../support/run.ts';

test('external methods have a queue of their own if the user client names one; all else goes to the default queues', () => {
  for (const ran of runs(
    () => ({
      *clientStart(client) {
        client.SetDispatchQueue(kIOUserClientQueueNameExternalMethod, (yield* IODispatchQueue.Create('methods'))[1]);
        client.SetDispatchQueue(kIOServiceDefaultQueueName, (yield* IODispatchQueue.Create('mine'))[1]);
      },
      *clientMemory() {
        return [0, 0, (yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 16))[1]];
      },
      *app(app, connect) {
        yield* app.IOConnectCallScalarMethod(connect, 0, []);
        yield* app.IOConnectMapMemory64(connect, 0);
        yield* app.IOServiceClose(connect);
      },
    }),
    2,
  )) {
    const where = ran
      .of('queue.enqueue')
      .map(({ method, queue }) => `${method} on ${ran.world.queues.get(queue)!.name}`);
    expect(where.slice(0, 6)).toEqual([
      'Start on TestDriver',
      'NewUserClient on TestDriver',
      // Until its Start has named others, the client has the queue that it was born with.
      'Start on TestClient',
      'ExternalMethod on methods',
      'CopyClientMemoryForType on mine',
      'Stop on mine',
    ]);
  }
});
