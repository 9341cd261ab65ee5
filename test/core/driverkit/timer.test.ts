/** IOTimerDispatchSource.iig: timers call back on their queue, at a virtual time. */
import { describe, expect, test } from 'vitest';
import {
  IODispatchQueue,
  IOTimerDispatchSource,
  kIOReturnSuccess,
  kIOReturnUnsupported,
  kIOServiceDefaultQueueName,
  kIOTimerClockMachAbsoluteTime as clock,
  mach_absolute_time,
  millisecond,
  OSAction,
  type Program,
} from '../../../index.ts';
import { runAnyhow, runs, type Setup, type TestClient } from '../../support/run.ts';

type Body = (timer: IOTimerDispatchSource, went: number[], client: TestClient) => Program;

/** An external method with a timer on a queue of its own, and an app that waits long enough. The result is when it went off. */
function timing(body: Body, long = 1_000 * millisecond): Setup<number[]> {
  const went: number[] = [];
  return {
    *method(_, client) {
      const [, queue] = yield* IODispatchQueue.Create('timers');
      const [, timer] = yield* IOTimerDispatchSource.Create(queue);
      yield* timer.SetHandler(function* (time) {
        went.push(time);
      });
      yield* body(timer, went, client);
      return 0;
    },
    *app(app, connect) {
      yield* app.IOConnectCallScalarMethod(connect, 0, []);
      yield* app.sleep(long);
      return went;
    },
  };
}

test('goes off once, not before its time', () => {
  for (const ran of runs(
    () =>
      timing(function* (timer) {
        yield* timer.SetEnable(true);
        expect(yield* timer.WakeAtTime(clock, (yield* mach_absolute_time()) + 5 * millisecond)).toBe(kIOReturnSuccess);
      }),
    4,
  )) {
    expect(ran.result).toHaveLength(1);
    expect(ran.result[0]).toBeGreaterThanOrEqual(5 * millisecond);
    expect(ran.log.find(({ event }) => event.kind === 'timer.fire')!.tick).toBe(ran.result[0]);
  }
});

test('set again before it has gone off, it goes off at the new time alone', () => {
  for (const { result } of runs(
    () =>
      timing(function* (timer) {
        yield* timer.SetEnable(true);
        yield* timer.WakeAtTime(clock, 50 * millisecond);
        yield* timer.WakeAtTime(clock, 20 * millisecond);
      }),
    4,
  )) {
    expect(result).toHaveLength(1);
    expect(result[0]).toBeLessThan(40 * millisecond);
  }
});

test('one that has gone off while disabled calls back when it is enabled', () => {
  for (const { result } of runs(
    () =>
      timing(function* (timer, went, client) {
        yield* timer.WakeAtTime(clock, 1);
        const [, slow] = yield* IOTimerDispatchSource.Create(client.CopyDispatchQueue(kIOServiceDefaultQueueName));
        yield* slow.SetHandler(function* () {
          expect(went).toEqual([]);
          yield* timer.SetEnable(true);
        });
        yield* slow.SetEnable(true);
        yield* slow.WakeAtTime(clock, 10 * millisecond);
      }),
    4,
  ))
    expect(result).toHaveLength(1);
});

test('a cancelled or freed one does not go off, and cannot be set', () => {
  for (const { result, world } of runs(
    () =>
      timing(function* (timer, _went, client) {
        yield* timer.SetEnable(true);
        yield* timer.WakeAtTime(clock, 50 * millisecond);
        yield* timer.Cancel();
        expect(yield* timer.WakeAtTime(clock, 60 * millisecond)).toBe(kIOReturnUnsupported);
        yield* timer.release();
        const [, other] = yield* IOTimerDispatchSource.Create(client.CopyDispatchQueue(kIOServiceDefaultQueueName));
        yield* other.SetEnable(true);
        yield* other.WakeAtTime(clock, 50 * millisecond);
        yield* other.release();
      }),
    4,
  )) {
    expect(result).toEqual([]);
    expect(world.sources.size).toBe(0);
  }
});

describe('a timer that sets itself again', () => {
  const ticking: Body = function* (timer, went) {
    const [, action] = yield* OSAction.Create(function* (time: number) {
      went.push(time);
      yield* timer.WakeAtTime(clock, time + 10 * millisecond);
    });
    yield* timer.SetHandler(action);
    yield* action.release();
    yield* timer.SetEnable(true);
    yield* timer.WakeAtTime(clock, 10 * millisecond);
  };

  test('ticks as long as the app lives, and does not keep the run from ending', () => {
    for (const { result } of runs(() => timing(ticking, 95 * millisecond), 4)) {
      expect(result.length).toBeGreaterThanOrEqual(8);
      expect(result.length).toBeLessThan(12);
    }
  });

  test('ends with its dext', () => {
    const { world, findings } = runAnyhow(
      timing(function* (timer, went, client) {
        yield* ticking(timer, went, client);
        throw new Error('crash');
      }),
    );
    expect(findings.map(({ rule }) => rule)).toEqual(['program-error']);
    expect([...world.actors.values()].filter(({ name, alive }) => alive && name.includes('timer'))).toEqual([]);
    expect(world.sources.size + world.actions.size).toBe(0);
  });
});

test('a wait for a timer on its own queue is a queue-deadlock', () => {
  const { findings } = runAnyhow({
    *method(_, client) {
      const [, timer] = yield* IOTimerDispatchSource.Create(client.CopyDispatchQueue(kIOServiceDefaultQueueName));
      const [, action] = yield* OSAction.Create(function* () {});
      yield* timer.SetHandler(action);
      yield* timer.SetEnable(true);
      const [, token] = yield* action.WillWait();
      yield* timer.WakeAtTime(clock, millisecond);
      return yield* action.Wait(token);
    },
    *app(app, connect) {
      yield* app.IOConnectCallScalarMethod(connect, 0, []);
    },
  });
  expect(findings.map(({ rule }) => rule)).toEqual(['queue-deadlock']);
});
