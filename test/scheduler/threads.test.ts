/** Mutexes, join, and the death of one side: over many seeds. */
import { describe, expect, test } from 'vitest';
import {
  kIOReturnOffline,
  kIOReturnSuccess,
  load,
  MACH_SEND_INVALID_DEST,
  MIG_SERVER_DIED,
  store,
  type App,
  type Program,
} from '../../index.ts';
import { run, runAnyhow, runs, type Setup } from '../support/run.ts';

/** Two threads that add 1 to a counter five times, by load and store. */
const counting = (locked: boolean): Setup<number> => ({
  *app(app) {
    const counter = yield* app.malloc(16);
    const mutex = yield* app.pthread_mutex_init();
    function* add(): Program {
      for (let i = 0; i < 5; i += 1) {
        if (locked) yield* app.pthread_mutex_lock(mutex);
        yield* app.store32(counter, (yield* app.load32(counter)) + 1);
        if (locked) yield* app.pthread_mutex_unlock(mutex);
      }
    }
    const threads = [yield* app.pthread_create('a', add), yield* app.pthread_create('b', add)];
    for (const thread of threads) yield* app.pthread_join(thread);
    return yield* app.load32(counter);
  },
});

describe('mutexes', () => {
  test('exclude, under every strategy and seed', () => {
    for (const ran of runs(() => counting(true), 40)) {
      expect(ran.result).toBe(10);
      let owner = 0;
      for (const { event, actor } of ran.log) {
        if (event.kind === 'mutex.lock') {
          expect(owner).toBe(0);
          owner = actor;
        }
        if (event.kind === 'mutex.unlock') {
          expect(owner).toBe(actor);
          owner = 0;
        }
      }
    }
  });

  test('without them updates are lost: between 2 and 10 remain', () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 200; seed += 1) seen.add(run(counting(false), { seed }).result);
    expect(seen.has(10)).toBe(true);
    expect(Math.min(...seen)).toBeLessThan(8);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...seen)).toBe(10);
  });

  test('atomics need none', () => {
    for (const ran of runs<bigint>(
      () => ({
        *app(app) {
          const counter = yield* app.malloc(16);
          function* add(): Program {
            for (let i = 0; i < 5; i += 1) yield* app.atomic_fetch_add(counter, 1n);
          }
          const other = yield* app.pthread_create('other', add);
          yield* add();
          yield* app.pthread_join(other);
          return yield* app.atomic_load(counter);
        },
      }),
      20,
    )) {
      expect(ran.result).toBe(10n);
    }
  });

  test("unlocking another's mutex crashes the process", () => {
    const { findings } = runAnyhow({
      *app(app) {
        const mutex = yield* app.pthread_mutex_init();
        yield* app.pthread_mutex_unlock(mutex);
      },
    });
    expect(findings.map(({ rule }) => rule)).toEqual(['crash']);
    expect(findings[0]!.message).toMatch(
      /^app:main crashed: pthread_mutex_unlock of mutex #\d+, which it does not hold/,
    );
  });
});

describe('pthread_join', () => {
  function* child(app: App): Program {
    for (let i = 0; i < 5; i += 1) yield* app.note('child');
  }

  test('returns after the thread has ended', () => {
    for (const ran of runs(() => ({
      *app(app) {
        yield* app.pthread_join(yield* app.pthread_create('child', () => child(app)));
        yield* app.note('joined');
      },
    }))) {
      expect(ran.of('note').at(-1)!.text).toBe('joined');
      expect(ran.of('note')).toHaveLength(6);
    }
  });

  test('of a thread that has ended long ago returns at once', () => {
    const ran = run({
      *app(app) {
        const thread = yield* app.pthread_create('child', () => child(app));
        yield* app.sleep(1);
        yield* app.pthread_join(thread);
        yield* app.pthread_join(thread);
        return 'done';
      },
    });
    expect(ran.result).toBe('done');
  });
});

describe('a dext that crashes', () => {
  const crashing: Setup<number[]> = {
    *method(_, client) {
      yield* store(0, Uint8Array.of(1));
      return client.service;
    },
    *app(app, connect) {
      const [during] = yield* app.IOConnectCallScalarMethod(connect, 0, []);
      const [after] = yield* app.IOConnectCallScalarMethod(connect, 0, []);
      return [during, after];
    },
  };

  test('answers the call in flight with MIG_SERVER_DIED, and refuses later ones; the app lives on', () => {
    for (const strategy of ['random', 'round-robin', 'timed']) {
      const ran = runAnyhow(crashing, { strategy });
      expect(ran.result[0]).toBe(MIG_SERVER_DIED);
      // Until the kernel has ended the connection, and after.
      expect([kIOReturnOffline, MACH_SEND_INVALID_DEST]).toContain(ran.result[1]);
      expect(ran.findings.map(({ rule }) => rule)).toEqual(['crash']);
      expect(ran.findings[0]!.message).toMatch(
        /^dext:TestClient crashed: SIGSEGV: write at 0x0, where nothing is mapped/,
      );
    }
  });

  test('takes all its queues with it: calls that wait in line die too', () => {
    const ran = runAnyhow({
      method: [
        function* () {
          yield* load(0, 1);
          return kIOReturnSuccess;
        },
      ],
      *app(app, connect) {
        const codes: number[] = [];
        function* calls(): Program {
          codes.push((yield* app.IOConnectCallScalarMethod(connect, 0, []))[0]);
        }
        const threads: number[] = [];
        for (const name of ['a', 'b', 'c']) threads.push(yield* app.pthread_create(name, calls));
        for (const thread of threads) yield* app.pthread_join(thread);
        return codes;
      },
    });
    expect(ran.findings.map(({ rule }) => rule)).toEqual(['crash']);
    const codes = ran.result;
    expect(codes).toHaveLength(3);
    expect(codes.every((code) => code === MIG_SERVER_DIED || code === kIOReturnOffline)).toBe(true);
    expect(codes).toContain(MIG_SERVER_DIED);
  });

  test('sends no completion for what it had accepted', () => {
    const ran = runAnyhow({
      method: [
        function* (args) {
          yield* args.completion!.retain();
          return kIOReturnSuccess;
        },
        function* () {
          yield* load(0, 1);
          return kIOReturnSuccess;
        },
      ],
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], []);
        yield* app.IOConnectCallScalarMethod(connect, 1, []);
        return yield* app.mach_msg_receive(port, 1_000_000);
      },
    });
    expect(ran.result).toBeUndefined();
    expect(ran.of('port.send')).toEqual([]);
  });
});

describe('a number that stands for nothing is a mistake of the program, said in one line', () => {
  test.each<[string, (app: App) => Program<unknown> | Iterable<never>, string]>([
    ['pthread_join', (app) => app.pthread_join(99) as Iterable<never>, 'there is no thread 99'],
    ['pthread_mutex_lock', (app) => app.pthread_mutex_lock(99) as Iterable<never>, 'there is no mutex 99'],
    ['pthread_mutex_unlock', (app) => app.pthread_mutex_unlock(99) as Iterable<never>, 'there is no mutex 99'],
    ['mach_msg_receive', (app) => app.mach_msg_receive(99), 'there is no port 99'],
  ])('%s', (_name, act, message) => {
    const { findings } = runAnyhow({
      *app(app) {
        yield* act(app);
      },
    });
    expect(findings).toEqual([
      expect.objectContaining({ rule: 'program-error', message: expect.stringContaining(message) }),
    ]);
  });
});
