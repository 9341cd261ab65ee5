/** facts §3.3 (5) to (7), §1.1 (8), §1.3 last row: struct outputs, and what outputStructCnt says afterwards. */
import { describe, expect, test } from 'vitest';
import {
  kIOConnectMethodVarOutputSize,
  kIOReturnBadArgument,
  kIOReturnError,
  kIOReturnIPCError,
  kIOUserClientVariableStructureSize,
  KiB,
  OSData,
  store,
} from '../../../index.ts';
import { run, type Method } from '../../support/run.ts';

interface Back {
  readonly code: number;
  readonly count: number;
  /** The start of the app's buffer afterwards. */
  readonly bytes: number[];
}

/** Calls with room for `room` bytes of output in a buffer filled with 9. */
function call(room: number, method: Method, pointer: 'buffer' | 'NULL' = 'buffer'): Back {
  return run<Back>({
    method,
    *app(app, connect) {
      const buffer = yield* app.mmap(64 * KiB);
      yield* app.memset(buffer, 9, 8);
      const output = pointer === 'NULL' ? 0 : buffer;
      const [code, count] = yield* app.IOConnectCallStructMethod(connect, 0, 0, 0, output, room);
      return { code, count, bytes: [...(yield* app.load(buffer, 8))] };
    },
  }).result;
}

const answer = (bytes: readonly number[], code = 0): Method =>
  function* (args) {
    args.structureOutput = OSData.withBytes(Uint8Array.from(bytes));
    return code;
  };

describe('up to 4096 bytes of room', () => {
  test('the dext sees the room as structureOutputMaximumSize and no descriptor', () => {
    let seen: unknown;
    call(4096, function* (args) {
      seen = [args.structureOutputMaximumSize, args.structureOutputDescriptor];
      return 0;
    });
    expect(seen).toEqual([4096, null]);
  });

  test('what the dext sets is copied, and the count is its length', () => {
    expect(call(4096, answer([1, 2, 3]))).toEqual({ code: 0, count: 3, bytes: [1, 2, 3, 9, 9, 9, 9, 9] });
  });

  test('exactly as much as there is room', () => {
    expect(call(4, answer([1, 2, 3, 4]))).toEqual({ code: 0, count: 4, bytes: [1, 2, 3, 4, 9, 9, 9, 9] });
  });

  test('an empty output counts 0', () => {
    expect(call(8, answer([]))).toEqual({ code: 0, count: 0, bytes: [9, 9, 9, 9, 9, 9, 9, 9] });
  });

  test('no output set: the count remains the room, what the bytes are is unspecified (§3.3 (7))', () => {
    const none: Method = function* () {
      return 0;
    };
    expect(call(100, none)).toEqual({ code: 0, count: 100, bytes: [9, 9, 9, 9, 9, 9, 9, 9] });
    const ran = run({ method: none, app: (app, connect) => app.IOConnectCallStructMethod(connect, 0, 0, 0, 0, 100) });
    expect(ran.of('unspecified')).toHaveLength(1);
    const scalar = run({ method: none, app: (app, connect) => app.IOConnectCallScalarMethod(connect, 0, []) });
    expect(scalar.of('unspecified')).toEqual([]);
  });

  test('more than there is room: BadArgument, nothing is copied', () => {
    expect(call(4, answer([1, 2, 3, 4, 5]))).toEqual({
      code: kIOReturnBadArgument,
      count: 4,
      bytes: [9, 9, 9, 9, 9, 9, 9, 9],
    });
  });

  test('a failing method copies nothing back', () => {
    expect(call(8, answer([1, 2], kIOReturnError))).toEqual({
      code: kIOReturnError,
      count: 8,
      bytes: [9, 9, 9, 9, 9, 9, 9, 9],
    });
  });
});

describe('more than 4096 bytes of room', () => {
  test('the dext gets a descriptor; its length is structureOutputMaximumSize', () => {
    let seen: unknown;
    call(4097, function* (args) {
      seen = [args.structureOutputMaximumSize, (yield* args.structureOutputDescriptor!.GetLength())[1]];
      return 0;
    });
    expect(seen).toEqual([4097, 4097]);
  });

  test('what the dext writes through a mapping is in the buffer at once, and the count is unchanged', () => {
    const writes: Method = function* (args) {
      const [, map] = yield* args.structureOutputDescriptor!.CreateMapping(0);
      yield* store(map!.GetAddress(), Uint8Array.of(7, 7));
      yield* map!.release();
      return 0;
    };
    expect(call(32 * KiB, writes)).toEqual({ code: 0, count: 32 * KiB, bytes: [7, 7, 9, 9, 9, 9, 9, 9] });
  });

  test('any non-empty structureOutput is BadArgument, though the dext has run', () => {
    const both: Method = function* (args) {
      const [, map] = yield* args.structureOutputDescriptor!.CreateMapping(0);
      yield* store(map!.GetAddress(), Uint8Array.of(7));
      args.structureOutput = OSData.withBytes(Uint8Array.of(1));
      return 0;
    };
    expect(call(32 * KiB, both)).toEqual({
      code: kIOReturnBadArgument,
      count: 32 * KiB,
      bytes: [7, 9, 9, 9, 9, 9, 9, 9],
    });
  });

  test('an empty structureOutput is none', () => {
    expect(call(32 * KiB, answer([]))).toMatchObject({ code: 0, count: 32 * KiB });
  });

  test('at NULL: no descriptor, maximum size 0, the count is unchanged', () => {
    let seen: unknown;
    const looks: Method = function* (args) {
      seen = [args.structureOutputMaximumSize, args.structureOutputDescriptor];
      return 0;
    };
    expect(call(32 * KiB, looks, 'NULL')).toMatchObject({ code: 0, count: 32 * KiB });
    expect(seen).toEqual([0, null]);
  });
});

test('scalar outputs come back, as many as the app asked for', () => {
  const { result } = run({
    *app(app, connect) {
      const two = yield* app.IOConnectCallScalarMethod(connect, 0, [5n], 2);
      const none = yield* app.IOConnectCallScalarMethod(connect, 0, [5n], 0);
      return [two, none];
    },
    *method(args) {
      args.scalarOutput[0] = args.scalarInput[0]! + 1n;
      args.scalarOutput[1] = 0xffff_ffff_ffff_ffffn;
      args.scalarOutput[2] = 3n;
      return 0;
    },
  });
  expect(result).toEqual([
    [0, [6n, 0xffff_ffff_ffff_ffffn]],
    [0, []],
  ]);
});

test('scalar outputs that the dext leaves alone are 0; after an error there are none', () => {
  const { result } = run({
    *app(app, connect) {
      const untouched = yield* app.IOConnectCallScalarMethod(connect, 0, [], 2);
      const failed = yield* app.IOConnectCallScalarMethod(connect, 1, [], 2);
      return [untouched, failed];
    },
    method: [
      function* () {
        return 0;
      },
      function* (args) {
        args.scalarOutput[0] = 1n;
        return kIOReturnError;
      },
    ],
  });
  expect(result).toEqual([
    [0, [0n, 0n]],
    [kIOReturnError, []],
  ]);
});

test('room above 32 bits: IPCError, and the dext hears nothing (§1.3)', () => {
  const ran = run({
    app: (app, connect) => app.IOConnectCallStructMethod(connect, 0, 0, 0, 0x1_0400_0000, 2 ** 32),
  });
  expect(ran.result).toEqual([kIOReturnIPCError, 2 ** 32]);
  expect(ran.of('call.begin')).toEqual([]);
});

describe('kIOConnectMethodVarOutputSize (§1.1 (5), §3.3 (3), (5))', () => {
  /** Calls; evaluates to the code, the count, and what is where the pointer that was stored points. */
  function variable(method: Method, asynchronous = false): unknown {
    return run({
      method,
      *app(app, connect) {
        const pointer = yield* app.malloc(8);
        yield* app.store64(pointer, 0n);
        const size = kIOConnectMethodVarOutputSize;
        const port = yield* app.IONotificationPortCreate();
        const [code, count] = asynchronous
          ? yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, pointer, size)
          : yield* app.IOConnectCallStructMethod(connect, 0, 0, 0, pointer, size);
        const address = Number(yield* app.load64(pointer));
        return [code, count, address === 0 ? [] : [...(yield* app.load(address + count - 2, 3))]];
      },
    }).result;
  }

  test('the kernel makes memory for as much as the dext sets', () => {
    let maximum = 0;
    const method: Method = function* (args) {
      maximum = args.structureOutputMaximumSize;
      args.structureOutput = OSData.withBytes(new Uint8Array(20_000).fill(7));
      return 0;
    };
    expect(variable(method)).toEqual([0, 20_000, [7, 7, 0]]);
    expect(maximum).toBe(kIOUserClientVariableStructureSize);
  });

  test('nothing set, or an error: no memory, count 0', () => {
    expect(
      variable(function* () {
        return 0;
      }),
    ).toEqual([0, 0, []]);
    expect(variable(answer([1], kIOReturnError))).toEqual([kIOReturnError, 0, []]);
  });

  test('an asynchronous call has no such thing: IPCError, and the dext hears nothing', () => {
    let called = false;
    const method: Method = function* () {
      called = true;
      return 0;
    };
    expect(variable(method, true)).toEqual([kIOReturnIPCError, kIOConnectMethodVarOutputSize, []]);
    expect(called).toBe(false);
  });
});
