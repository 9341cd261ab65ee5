/** Runs that do not end: who waits for what, by name. */
import { describe, expect, test } from 'vitest';
import { kIOServiceDefaultQueueName, note, sleep, type Program, type RuleName } from '../../index.ts';
import { runAnyhow, type Method, type Setup } from '../support/run.ts';

/** Lines of the only finding, with object numbers made equal. */
function linesOf(setup: Setup<unknown>, rule: RuleName = 'deadlock', options = {}): string[] {
  const { findings } = runAnyhow(setup, options);
  expect(findings.map((found) => found.rule)).toEqual([rule]);
  return plain(findings[0]!.message);
}

/** Without object numbers, and without where in the scenario it is. */
const plain = (message: string): string[] =>
  message.split('\n').map((line) =>
    line
      .trim()
      .replaceAll(/#\d+/g, '#n')
      .replace(/ \(\S+:\d+:\d+\)$/, '')
      .replace(/, at \S+:\d+:\d+$/, ''),
  );

const abba: Setup<void> = {
  *app(app) {
    const a = yield* app.pthread_mutex_init();
    const b = yield* app.pthread_mutex_init();
    function* locks(first: number, second: number): Program {
      yield* app.pthread_mutex_lock(first);
      yield* app.pthread_mutex_lock(second);
      yield* app.pthread_mutex_unlock(second);
      yield* app.pthread_mutex_unlock(first);
    }
    const other = yield* app.pthread_create('other', () => locks(b, a));
    yield* locks(a, b);
    yield* app.pthread_join(other);
  },
};

describe('mutexes', () => {
  test('AB-BA: under some seeds, and then both are named with what they wait for', () => {
    const outcomes = new Map<string, number>();
    for (let seed = 0; seed < 60; seed += 1) {
      const { findings } = runAnyhow(abba, { seed });
      const said = findings.map(({ message }) => plain(message).join(' | ')).join();
      outcomes.set(said, (outcomes.get(said) ?? 0) + 1);
    }
    expect([...outcomes.keys()].toSorted()).toEqual([
      '',
      'nobody can move: app:main waits for app:other waits for app:main: ' +
        '| app:main is in pthread_mutex_lock and waits for mutex #n, held by app:other ' +
        '| app:other is in pthread_mutex_lock and waits for mutex #n, held by app:main',
    ]);
  });

  test('a thread that locks its own mutex again waits for itself', () => {
    const lines = linesOf({
      *app(app) {
        const mutex = yield* app.pthread_mutex_init();
        yield* app.pthread_mutex_lock(mutex);
        yield* app.pthread_mutex_lock(mutex);
      },
    });
    expect(lines).toEqual([
      'nobody can move: app:main waits for app:main:',
      'app:main is in pthread_mutex_lock and waits for mutex #n, held by app:main',
    ]);
  });
});

describe('queues', () => {
  test('an external method that waits on its own queue', () => {
    const lines = linesOf(
      {
        *method(_, client) {
          yield* client.CopyDispatchQueue(kIOServiceDefaultQueueName).DispatchSync(function* () {});
          return 0;
        },
        *app(app, connect) {
          yield* app.IOConnectCallScalarMethod(connect, 0, []);
        },
      },
      'queue-deadlock',
    );
    expect(lines).toEqual([
      'nobody can move: dext:TestClient waits for dext:TestClient:',
      'app:main is in reply and waits for the reply of ExternalMethod from queue "TestClient", which is running it',
      'dext:TestClient is in reply and waits for the reply of block from queue "TestClient", which is still in ExternalMethod',
    ]);
  });

  test('close waits for the call that never ends', () => {
    const lines = linesOf(
      {
        *method(_, client) {
          yield* client.CopyDispatchQueue(kIOServiceDefaultQueueName).DispatchSync(function* () {});
          return 0;
        },
        *app(app, connect) {
          yield* app.pthread_create('caller', () => app.IOConnectCallScalarMethod(connect, 0, []));
          yield* app.sleep(1_000);
          yield* app.IOServiceClose(connect);
        },
      },
      'queue-deadlock',
    );
    expect(lines).toContain(
      'app:main is in IOServiceClose and waits for the lock of connection #n, held by 1 external methods in flight',
    );
  });
});

test('a wait for a thread, a message and a service are named', () => {
  const lines = linesOf({
    *app(app) {
      const port = yield* app.IONotificationPortCreate();
      const receiver = yield* app.pthread_create('receiver', () => app.mach_msg_receive(port));
      yield* app.pthread_create('finder', function* () {
        yield* app.IOServiceGetMatchingService('Nobody');
      });
      yield* app.pthread_join(receiver);
    },
  });
  expect(lines).toEqual([
    'nobody can move:',
    'app:main is in pthread_join and waits for the end of app:receiver',
    'app:receiver is in mach_msg receive and waits for a message on port #n',
    'app:finder is in IOServiceGetMatchingService and waits for a registered service "Nobody"',
  ]);
});

describe('nobody answers', () => {
  const asking = (method: Method): Setup<unknown> => ({
    method,
    *app(app, connect) {
      const port = yield* app.IONotificationPortCreate();
      const receiver = yield* app.pthread_create('receiver', () => app.mach_msg_receive(port));
      yield* app.IOConnectCallAsyncScalarMethod(connect, 7, port, [], []);
      yield* app.pthread_join(receiver);
    },
  });

  test('an action that the dext has not kept is gone, and who waits for the waiter is named with it', () => {
    const lines = linesOf(
      asking(function* () {
        yield* note('taken');
        return 0;
      }),
      'unanswered',
    );
    expect(lines).toEqual([
      'nobody answers: action #n of selector 7 was dropped: its last reference went without a completion:',
      'app:main is in pthread_join and waits for the end of app:receiver',
      'app:receiver is in mach_msg receive and waits for a message on port #n',
    ]);
  });

  test('an action that the dext keeps', () => {
    const lines = linesOf(
      asking(function* (args) {
        yield* args.completion!.retain();
        return 0;
      }),
      'unanswered',
    );
    expect(lines[0]).toBe(
      'nobody answers: action #n of selector 7 is still kept by the dext, which has not completed it:',
    );
  });

  test('after an error return no completion was to be expected: that is a deadlock', () => {
    const lines = linesOf(
      asking(function* () {
        yield* note('refused');
        return 1;
      }),
    );
    expect(lines[0]).toBe('nobody can move:');
  });
});

test('idle queues and engines are no part of it; sleepers are no deadlock', () => {
  const { findings } = runAnyhow({
    *app() {
      yield* sleep(1_000_000_000);
    },
  });
  expect(findings).toEqual([]);
});

describe('the step bound', () => {
  const endless: Setup<void> = {
    *app(app) {
      for (;;) yield* app.note('again');
    },
  };

  test('ends the run with a finding that says who was doing what', () => {
    const { findings, recording } = runAnyhow(endless, { maxSteps: 500 });
    expect(findings.map(({ rule }) => rule)).toEqual(['step-bound']);
    expect(plain(findings[0]!.message)).toEqual(['not finished after 500 steps:', 'app:main is in note']);
    expect(recording.steps).toBe(500);
    expect(recording.outcome).toBe('failed');
  });

  test('is no matter for a run that ends by itself', () => {
    const setup: Setup<void> = {
      *app() {},
    };
    const { steps } = runAnyhow(setup).recording;
    expect(runAnyhow(setup, { maxSteps: steps }).findings).toEqual([]);
    expect(runAnyhow(setup, { maxSteps: steps - 1 }).findings.map(({ rule }) => rule)).toEqual(['step-bound']);
  });
});
