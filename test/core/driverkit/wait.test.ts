/** facts §7.4: WillWait, Wait and EndWait of an OSAction. */
import { describe, expect, test } from 'vitest';
import {
  IODispatchQueue,
  IOInterruptDispatchSource,
  kIOReturnAborted,
  kIOReturnBusy,
  kIOReturnSuccess,
  kIOReturnTimeout,
  kIOServiceDefaultQueueName,
  OSAction,
  type Program,
} from '../../../index.ts';
import { obey } from '../../support/probe.ts';
import { runAnyhow, runs, type Setup, type TestClient } from '../../support/run.ts';

type Interrupt = OSAction<readonly [count: number, time: number]>;
type Body = (action: Interrupt, client: TestClient, queue: IODispatchQueue) => Program<number[]>;

/** An external method with an action that is called back on a queue of its own, or on the method's. */
function waiting(body: Body, own = true, order: string[] = []): Setup<number[]> {
  let codes: number[];
  return {
    *method(_, client) {
      const [, queue] = own
        ? yield* IODispatchQueue.Create('interrupts')
        : [0, client.CopyDispatchQueue(kIOServiceDefaultQueueName)];
      const [, action] = yield* OSAction.Create(function* (count: number) {
        order.push(`called for ${count}`);
      });
      const [, source] = yield* IOInterruptDispatchSource.Create(client.pci, 0, queue);
      yield* source.SetHandler(action);
      yield* source.SetEnable(true);
      codes = yield* body(action, client, queue);
      yield* source.Cancel();
      yield* source.release();
      yield* action.release();
      return 0;
    },
    *app(app, connect) {
      yield* app.pthread_create('caller', () => app.IOConnectCallScalarMethod(connect, 0, []));
      yield* app.sleep(10_000_000_000);
      yield* app.IOServiceClose(connect);
      return codes;
    },
  };
}

const interrupt = (client: TestClient): Program<string> => obey(client.pci, { command: 'interrupt', count: 1 });

describe('Wait', () => {
  test('returns when the callback has ended, also when it did before', () => {
    for (const early of [false, true]) {
      const order: string[] = [];
      const all = runs(
        () =>
          waiting(
            function* (action, client, queue) {
              const [, token] = yield* action.WillWait();
              yield* interrupt(client);
              if (early) yield* queue.DispatchSync(function* () {});
              const code = yield* action.Wait(token);
              order.push('waited');
              return [code, yield* action.EndWait(token)];
            },
            true,
            order,
          ),
        4,
      );
      for (const { result, world } of all) {
        expect(result).toEqual([kIOReturnSuccess, kIOReturnSuccess]);
        expect(world.actions.size + world.sources.size).toBe(0);
      }
      expect(order).toEqual(all.flatMap(() => ['called for 1', 'waited']));
    }
  });

  test('there is one waiter', () => {
    for (const ran of runs(
      () =>
        waiting(function* (action) {
          const [first] = yield* action.WillWait();
          const [second, token] = yield* action.WillWait();
          expect(token).toBeNull();
          return [first, second];
        }),
      1,
    )) {
      expect(ran.result).toEqual([kIOReturnSuccess, kIOReturnBusy]);
      expect(ran.of('unspecified')).toHaveLength(1);
    }
  });

  test('times out at the deadline; EndWait tells the same', () => {
    for (const { result, world } of runs(
      () =>
        waiting(function* (action) {
          const [, token] = yield* action.WillWait();
          const code = yield* action.Wait(token, 0, 5_000_000);
          return [code, yield* action.EndWait(token)];
        }),
      2,
    )) {
      expect(result).toEqual([kIOReturnTimeout, kIOReturnTimeout]);
      expect(world.time).toBeGreaterThanOrEqual(5_000_000);
    }
  });

  test('is aborted when the action is cancelled, which then calls nobody back', () => {
    for (const ran of runs(
      () =>
        waiting(function* (action, client) {
          const [, token] = yield* action.WillWait();
          const [, other] = yield* IODispatchQueue.Create('other');
          yield* other.DispatchAsync(function* () {
            yield* action.Cancel();
          });
          const code = yield* action.Wait(token);
          yield* interrupt(client);
          return [code, yield* action.EndWait(token)];
        }),
      4,
    )) {
      expect(ran.result).toEqual([kIOReturnAborted, kIOReturnAborted]);
      expect(ran.of('action.called')).toEqual([]);
    }
  });

  test('without WillWait there is no token: a crash', () => {
    const { findings } = runAnyhow(
      waiting(function* (action) {
        return [yield* action.Wait(null)];
      }),
    );
    expect(findings[0]!.rule).toBe('crash');
  });
});

describe('a wait that never ends', () => {
  test('on the queue that its callback would have to run on is a queue-deadlock (facts §10, 35)', () => {
    for (let seed = 0; seed < 8; seed += 1) {
      const { findings } = runAnyhow(
        waiting(function* (action, client) {
          const [, token] = yield* action.WillWait();
          yield* interrupt(client);
          return [yield* action.Wait(token)];
        }, false),
        { seed },
      );
      expect(findings.map(({ rule }) => rule)).toEqual(['queue-deadlock']);
      const { message } = findings[0]!;
      expect(message).toContain('nobody can move: dext:TestClient waits for dext:TestClient:');
      expect(message).toMatch(
        /a callback of action #\d+, which is on queue "TestClient" and waits for the end of ExternalMethod/,
      );
    }
  });

  test('for an interrupt that never comes is a deadlock, and the close hangs on it (facts §10, 34)', () => {
    const { findings } = runAnyhow(
      waiting(function* (action) {
        const [, token] = yield* action.WillWait();
        return [yield* action.Wait(token)];
      }),
    );
    expect(findings.map(({ rule }) => rule)).toEqual(['deadlock']);
    const lines = findings[0]!.message.split('\n').map((line) => line.trim());
    expect(lines.slice(0, 2)).toEqual([
      'nobody can move:',
      expect.stringMatching(
        /^app:main is in IOServiceClose and waits for the lock of connection #\d+, held by 1 external/,
      ),
    ]);
    expect(lines[2]).toMatch(/^dext:TestClient is in OSAction::Wait and waits for a callback of action #\d+ \(/);
  });
});
