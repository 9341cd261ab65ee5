/** facts §1.2, §1.3, §3.3 (8), §3.4, §3.5: reference words, completions, and what becomes of actions. */
import { describe, expect, test } from 'vitest';
import {
  kIOReturnError,
  kIOReturnSuccess,
  MIG_ARRAY_TOO_LARGE,
  type Completion,
  type OSAction,
  type Program,
} from '../../../index.ts';
import { run, runAnyhow, runs, type Method, type TestClient } from '../../support/run.ts';

const completes =
  (values: readonly bigint[] = [], status = kIOReturnSuccess): Method =>
  (args, client) =>
    complete(client, args.completion!, status, values);

function* complete(client: TestClient, action: OSAction, status: number, values: readonly bigint[]): Program<number> {
  yield* client.AsyncCompletion(action, status, values);
  return kIOReturnSuccess;
}

/** Calls asynchronously with these reference words and receives one completion. */
function receive(reference: readonly bigint[], method: Method): Completion {
  return run({
    method,
    *app(app, connect) {
      const port = yield* app.IONotificationPortCreate();
      yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, reference, []);
      return yield* app.mach_msg_receive(port);
    },
  }).result;
}

describe('reference words', () => {
  test('word 0 is lost to the wake port and arrives as 0; the others arrive as they are', () => {
    const { reference } = receive([11n, 22n, 0xffff_ffff_ffff_ffffn], completes());
    expect(reference).toEqual([0n, 22n, 0xffff_ffff_ffff_ffffn]);
  });

  test('without any, one dummy word travels', () => {
    expect(receive([], completes()).reference).toEqual([0n]);
  });

  test('8 are the most: one more is refused by the stub, before the dext hears of it', () => {
    const words = (count: number): bigint[] => Array.from({ length: count }, () => 1n);
    let calls = 0;
    const { result } = run({
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        const [eight] = yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, words(8), []);
        const [nine] = yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, words(9), []);
        return [eight, nine];
      },
      *method() {
        calls += 1;
        return kIOReturnSuccess;
      },
    });
    expect(result).toEqual([kIOReturnSuccess, MIG_ARRAY_TOO_LARGE]);
    expect(calls).toBe(1);
  });

  test('words 1 and 2 name the callback and its refcon', () => {
    const called: unknown[] = [];
    run({
      method: completes([7n], kIOReturnError),
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [0n, 1n, 0xcafen], []);
        function* callback(refcon: bigint, result: number, args: readonly bigint[]): Program {
          called.push(refcon, result, args);
        }
        yield* app.IODispatchCalloutFromMessage(port, [function* () {}, callback]);
      },
    });
    expect(called).toEqual([0xcafen, kIOReturnError, [7n]]);
  });
});

describe('completions', () => {
  test('carry the status and up to 16 values', () => {
    const values = Array.from({ length: 16 }, (_, i) => BigInt(i));
    expect(receive([], completes(values, kIOReturnError))).toEqual({
      result: kIOReturnError,
      args: values,
      reference: [0n],
    });
  });

  test('with more than 16 values are never sent, without a word: the app waits for ever', () => {
    const ran = runAnyhow({
      method: completes(Array.from({ length: 17 }, () => 0n)),
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], []);
        yield* app.mach_msg_receive(port);
      },
    });
    expect(ran.of('port.send')).toEqual([]);
    expect(ran.findings.map(({ rule }) => rule)).toEqual(['unanswered']);
    expect(ran.findings[0]!.message).toMatch(/app:main is in mach_msg receive and waits for a message on port #\d+/);
  });

  test('a second completion of the same action is delivered again, and none is held back', () => {
    const { result } = run({
      *method(args, client) {
        for (const value of [1n, 2n, 3n]) yield* client.AsyncCompletion(args.completion!, kIOReturnSuccess, [value]);
        return kIOReturnSuccess;
      },
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], []);
        const values: bigint[] = [];
        for (let i = 0; i < 3; i += 1) values.push((yield* app.mach_msg_receive(port)).args[0]!);
        return values;
      },
    });
    expect(result).toEqual([1n, 2n, 3n]);
  });

  test('to a NULL port succeed and go nowhere', () => {
    const ran = run({
      method: completes(),
      *app(app, connect) {
        return yield* app.IOConnectCallAsyncScalarMethod(connect, 0, 0, [], []);
      },
    });
    expect(ran.result).toEqual([kIOReturnSuccess, []]);
    expect(ran.of('port.send')).toEqual([]);
  });

  test('can be received before the call returns', () => {
    const early = new Set<boolean>();
    for (let seed = 0; seed < 300; seed += 1) {
      const { events } = run(
        {
          method: completes(),
          *app(app, connect) {
            const port = yield* app.IONotificationPortCreate();
            const other = yield* app.pthread_create('receiver', () => app.mach_msg_receive(port));
            yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], []);
            yield* app.pthread_join(other);
          },
        },
        { seed },
      );
      const at = (kind: string): number => events.findIndex((event) => event.kind === kind);
      early.add(at('port.receive') < at('call.return'));
    }
    expect(early).toEqual(new Set([true, false]));
  });
});

describe('actions', () => {
  test('are gone after the call unless the dext retains them: using one then crashes the dext', () => {
    let kept: OSAction | null = null;
    const ran = runAnyhow({
      method: [
        function* (args) {
          kept = args.completion;
          return kIOReturnSuccess;
        },
        (_, client) => complete(client, kept!, kIOReturnSuccess, []),
      ],
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], []);
        yield* app.IOConnectCallScalarMethod(connect, 1, []);
      },
    });
    expect(ran.findings.map(({ rule }) => rule)).toEqual(['use-after-release']);
    expect(ran.findings[0]!.message).toMatch(
      /^dext:TestClient crashed: EXC_BAD_ACCESS: use of OSAction #\d+ after its last release; keep it with retain\(\)/,
    );
  });

  test('that are retained work after an error return: an unexpected completion', () => {
    let kept: OSAction;
    const all = runs(() => ({
      method: [
        function* (args) {
          kept = args.completion!;
          yield* kept.retain();
          return kIOReturnError;
        },
        function* (_, client) {
          yield* complete(client, kept, kIOReturnSuccess, [1n]);
          yield* kept.release();
          return kIOReturnSuccess;
        },
      ],
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        const [refused] = yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], []);
        yield* app.IOConnectCallScalarMethod(connect, 1, []);
        return [refused, (yield* app.mach_msg_receive(port)).args];
      },
    }));
    for (const ran of all) {
      expect(ran.result).toEqual([kIOReturnError, [1n]]);
      expect(ran.world.actions.size).toBe(0);
    }
  });
});
