/** facts §1.4, §1.5, §3.6: closing a connection, the death of its client, and calls that are in flight. */
import { describe, expect, test } from 'vitest';
import {
  kIOReturnSuccess,
  kIOReturnUnsupported,
  MACH_SEND_INVALID_DEST,
  sleep,
  type EventByKind,
} from '../../../index.ts';
import { run, runs, type Ran } from '../../support/run.ts';

const states = (ran: Ran<unknown>): EventByKind['connection.state']['state'][] =>
  ran.of('connection.state').map(({ state }) => state);

test('IOConnectSetNotificationPort waits for the calls in flight, and is then unsupported (facts §1.4)', () => {
  for (const ran of runs(() => ({
    *method() {
      yield* sleep(50_000);
      return kIOReturnSuccess;
    },
    *app(app, connect) {
      const port = yield* app.IONotificationPortCreate();
      const caller = yield* app.pthread_create('caller', () => app.IOConnectCallScalarMethod(connect, 0, []));
      // Until the call is in the kernel.
      yield* sleep(20_000);
      const code = yield* app.IOConnectSetNotificationPort(connect, 0, port, 0);
      yield* app.pthread_join(caller);
      yield* app.IOServiceClose(connect);
      return [code, yield* app.IOConnectSetNotificationPort(connect, 0, port, 0)];
    },
  }))) {
    expect(ran.result).toEqual([kIOReturnUnsupported, MACH_SEND_INVALID_DEST]);
    const locks = [...ran.of('connection.lock'), ...ran.of('connection.unlock')];
    const order = ran.events.filter((event) => locks.includes(event as (typeof locks)[0])).slice(0, 4);
    expect(order).toMatchObject([
      { kind: 'connection.lock', mode: 'read' },
      { kind: 'connection.unlock', mode: 'read' },
      { kind: 'connection.lock', mode: 'write' },
      { kind: 'connection.unlock', mode: 'write' },
    ]);
  }
});

describe('IOServiceClose', () => {
  test('waits for the calls in flight', () => {
    for (const ran of runs(() => ({
      *method() {
        yield* sleep(50_000);
        return kIOReturnSuccess;
      },
      *app(app, connect) {
        const caller = yield* app.pthread_create('caller', () => app.IOConnectCallScalarMethod(connect, 0, []));
        // Until the call is in the kernel.
        yield* sleep(20_000);
        yield* app.IOServiceClose(connect);
        yield* app.pthread_join(caller);
      },
    }))) {
      const order = ran.events.flatMap((event) => {
        if (event.kind === 'connection.lock' || event.kind === 'connection.unlock')
          return [`${event.kind} ${event.mode}`];
        return event.kind === 'connection.state' ? [event.state] : [];
      });
      expect(order).toEqual([
        'connection.lock read',
        'connection.unlock read',
        'connection.lock write',
        'closing',
        'connection.unlock write',
        'stopped',
      ]);
    }
  });

  test('calls afterwards are sent nowhere', () => {
    const { result } = run({
      *app(app, connect) {
        const before = yield* app.IOConnectCallScalarMethod(connect, 0, []);
        yield* app.IOServiceClose(connect);
        return [before[0], (yield* app.IOConnectCallScalarMethod(connect, 0, []))[0]];
      },
    });
    expect(result).toEqual([kIOReturnSuccess, MACH_SEND_INVALID_DEST]);
  });

  test('the dext hears Stop once, and nothing more when the process ends', () => {
    let stops = 0;
    const ran = run({
      *stop() {
        stops += 1;
      },
      *app(app, connect) {
        yield* app.IOServiceClose(connect);
      },
    });
    expect(stops).toBe(1);
    expect(states(ran)).toEqual(['closing', 'stopped']);
  });

  test('a second close, and a close of what is no connection, do nothing but say so', () => {
    const ran = run({
      *app(app, connect) {
        const first = yield* app.IOServiceClose(connect);
        const second = yield* app.IOServiceClose(connect);
        return [first, second, yield* app.IOServiceClose(0)];
      },
    });
    expect(ran.result).toEqual([kIOReturnSuccess, MACH_SEND_INVALID_DEST, MACH_SEND_INVALID_DEST]);
    expect(states(ran)).toEqual(['closing', 'stopped']);
  });

  test('two threads that close at once give the dext one Stop', () => {
    let stops = 0;
    let ends = 0;
    for (const ran of runs(() => ({
      *stop() {
        stops += 1;
      },
      *app(app, connect) {
        const other = yield* app.pthread_create('other', () => app.IOServiceClose(connect));
        yield* app.IOServiceClose(connect);
        yield* app.pthread_join(other);
      },
    }))) {
      ends += 1;
      expect(states(ran)).toEqual(['closing', 'stopped']);
    }
    expect(stops).toBe(ends);
  });

  test('termination goes on only when the dext calls super::Stop', () => {
    const ran = run({
      *stop() {
        yield* sleep(1_000_000);
      },
      *app(app, connect) {
        yield* app.IOServiceClose(connect);
        yield* app.note('closed');
      },
    });
    const order = ran.events.flatMap((event) => {
      if (event.kind === 'note') return [event.text];
      if (event.kind === 'thread.wake') return ['woken'];
      return event.kind === 'connection.state' ? [event.state] : [];
    });
    expect(order).toEqual(['closing', 'closed', 'woken', 'stopped']);
  });
});

describe('the end of the process', () => {
  test('comes with the last thread, whichever it is, when main leaves by pthread_exit', () => {
    for (const ran of runs(() => ({
      *app(app) {
        yield* app.pthread_create('other', function* () {
          for (let i = 0; i < 5; i += 1) yield* app.note(`${i}`);
        });
        yield* app.pthread_exit();
      },
    }))) {
      expect(ran.of('note')).toHaveLength(5);
      expect(ran.of('task.exit')).toHaveLength(1);
      const last = ran.events.findLastIndex(({ kind }) => kind === 'note');
      expect(ran.events.findIndex(({ kind }) => kind === 'task.exit')).toBeGreaterThan(last);
    }
  });

  test('closes what is open: the dext hears Stop when the address space is gone', () => {
    for (const ran of runs(() => ({
      *app(app) {
        yield* app.memset(yield* app.malloc(100), 1, 100);
      },
    }))) {
      expect(states(ran)).toEqual(['closing', 'stopped']);
      const at = (kind: string): number => ran.events.findIndex((event) => event.kind === kind);
      expect(at('vm.terminate')).toBeGreaterThan(-1);
      expect(at('vm.terminate')).toBeLessThan(at('task.exit'));
      expect(at('task.exit')).toBeLessThan(at('connection.state'));
    }
  });
});
