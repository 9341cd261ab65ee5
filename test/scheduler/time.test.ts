/** Virtual time: sleepers, time-outs, and what the timed strategy makes of latencies (design idea 11). */
import { describe, expect, test } from 'vitest';
import { kIOReturnSuccess, millisecond, sleep, type App, type Program } from '../../index.ts';
import { run, runs, type Ran } from '../support/run.ts';

const notesOf = (ran: Ran<unknown>): string[] => ran.of('note').map(({ text }) => text);

/** Threads that sleep for so long and then say so. */
function sleepers(durations: readonly number[]) {
  return {
    *app(app: App): Program {
      const threads: number[] = [];
      for (const duration of durations) {
        threads.push(
          yield* app.pthread_create(`sleeper${duration}`, function* () {
            yield* app.sleep(duration * millisecond);
            yield* app.note(`${duration}`);
          }),
        );
      }
      for (const thread of threads) yield* app.pthread_join(thread);
    },
  };
}

describe('sleepers', () => {
  test('wake in the order of their times, under every strategy', () => {
    for (const ran of runs(() => sleepers([3, 1, 2, 5, 4]))) expect(notesOf(ran)).toEqual(['1', '2', '3', '4', '5']);
  });

  test('never wake before their time, and time never goes back', () => {
    for (const ran of runs(() => sleepers([2, 1, 3]))) {
      let now = 0;
      for (const { event, tick } of ran.log) {
        expect(tick).toBeGreaterThanOrEqual(now);
        now = tick;
        if (event.kind === 'thread.wake') expect(tick).toBeGreaterThanOrEqual(event.until);
      }
      expect(ran.world.time).toBe(now);
      expect(now).toBeGreaterThanOrEqual(3 * millisecond);
    }
  });

  test('under strategies without time, wake only when nobody else can move', () => {
    for (const strategy of ['random', 'round-robin']) {
      for (let seed = 0; seed < 10; seed += 1) {
        const ran = run(
          {
            *app(app) {
              const other = yield* app.pthread_create('busy', function* () {
                for (let i = 0; i < 20; i += 1) yield* app.note('busy');
              });
              yield* app.sleep(1);
              yield* app.note('awake');
              yield* app.pthread_join(other);
            },
          },
          { strategy, seed },
        );
        expect(notesOf(ran)).toEqual([...Array.from({ length: 20 }, () => 'busy'), 'awake']);
      }
    }
  });

  test('under timed, wake while others still work', () => {
    const ran = run(
      {
        *app(app) {
          const other = yield* app.pthread_create('busy', function* () {
            for (let i = 0; i < 1_000; i += 1) yield* app.note('busy');
          });
          yield* app.sleep(1_000);
          yield* app.note('awake');
          yield* app.pthread_join(other);
        },
      },
      { strategy: 'timed' },
    );
    const at = notesOf(ran).indexOf('awake');
    expect(at).toBeGreaterThan(50);
    expect(at).toBeLessThan(900);
  });
});

describe('time-outs', () => {
  test('nothing comes: the receiver gives up, not before its time', () => {
    for (const ran of runs(() => ({
      *app(app) {
        const port = yield* app.IONotificationPortCreate();
        return yield* app.mach_msg_receive(port, 5 * millisecond);
      },
    }))) {
      expect(ran.result).toBeUndefined();
      const [timeout] = ran.log.filter(({ event }) => event.kind === 'port.timeout');
      expect(timeout!.tick).toBeGreaterThanOrEqual(5 * millisecond);
      expect(timeout!.tick).toBeLessThan(6 * millisecond);
    }
  });

  test('a message that comes in time is received, however long the time-out', () => {
    for (const ran of runs(() => ({
      *method(args, client) {
        yield* client.AsyncCompletion(args.completion!, kIOReturnSuccess, [1n]);
        return kIOReturnSuccess;
      },
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], []);
        return (yield* app.mach_msg_receive(port, 5_000 * millisecond))?.args;
      },
    }))) {
      expect(ran.result).toEqual([1n]);
      expect(ran.world.time).toBeLessThan(1_000 * millisecond);
    }
  });

  test('a message that comes too late stays on the port', () => {
    for (const ran of runs(() => ({
      *method(args, client) {
        const action = args.completion!;
        yield* action.retain();
        yield* client.CopyDispatchQueue('Default').DispatchAsync(function* () {
          yield* sleep(2 * millisecond);
          yield* client.AsyncCompletion(action, kIOReturnSuccess, [2n]);
          yield* action.release();
        });
        return kIOReturnSuccess;
      },
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], []);
        const first = yield* app.mach_msg_receive(port, millisecond);
        return [first, (yield* app.mach_msg_receive(port)).args];
      },
    }))) {
      expect(ran.result).toEqual([undefined, [2n]]);
    }
  });
});

describe('timed', () => {
  /** What two threads that store `count` times each do, in order. */
  function race(count: number, seed: number): string {
    const ran = run(
      {
        *app(app) {
          const threads: number[] = [];
          for (const name of ['a', 'b']) {
            threads.push(
              yield* app.pthread_create(name, function* () {
                for (let i = 0; i < count; i += 1) yield* app.note(name);
              }),
            );
          }
          for (const thread of threads) yield* app.pthread_join(thread);
        },
      },
      { strategy: 'timed', seed },
    );
    return notesOf(ran).join('');
  }

  test('latencies have jitter: seeds differ', () => {
    const seen = new Set(Array.from({ length: 10 }, (_, seed) => race(200, seed)));
    expect(seen.size).toBeGreaterThan(5);
  });

  test('every step of work takes time', () => {
    const ran = run(sleepers([1]), { strategy: 'timed' });
    const steps = new Set(ran.log.filter(({ actor }) => actor !== 0).map(({ tick }) => tick));
    expect(steps.size).toBeGreaterThan(10);
    expect(ran.recording.world.time).toBeGreaterThan(millisecond);
  });

  test('without time, the clock stands still but for sleepers', () => {
    const ran = run(sleepers([1]), { strategy: 'random' });
    expect(ran.world.time).toBe(millisecond);
  });
});
