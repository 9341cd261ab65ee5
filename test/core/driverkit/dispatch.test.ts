/** facts §3.2: the checks of a dispatch entry. */
import { describe, expect, test } from 'vitest';
import {
  kIOReturnBadArgument,
  kIOReturnNoCompletion,
  kIOReturnUnsupported,
  kIOUserClientVariableStructureSize,
  KiB,
  type IOUserClientMethodDispatch,
} from '../../../index.ts';
import { run } from '../../support/run.ts';

interface Arguments {
  readonly scalars?: number;
  readonly input?: number;
  readonly outputScalars?: number;
  readonly output?: number;
  readonly asynchronous?: boolean;
}

/** The code of a call with these arguments, checked by the entry, and whether its function ran. */
function check(entry: IOUserClientMethodDispatch | undefined, args: Arguments): [code: number, ran: boolean] {
  let ran = false;
  const { scalars = 0, input = 0, outputScalars = 0, output = 0, asynchronous = false } = args;
  const { result } = run({
    *method(arrived, client) {
      const own: IOUserClientMethodDispatch | undefined = entry && {
        *function() {
          ran = true;
          return 42;
        },
        ...entry,
      };
      return yield* client.check(arrived, own);
    },
    *app(app, connect) {
      const words = Array.from({ length: scalars }, () => 0n);
      const buffer = yield* app.mmap(64 * KiB);
      const call = [buffer, input, outputScalars, buffer, output] as const;
      if (!asynchronous) return (yield* app.IOConnectCallMethod(connect, 0, words, ...call))[0];
      const port = yield* app.IONotificationPortCreate();
      return (yield* app.IOConnectCallAsyncMethod(connect, 0, port, [], words, ...call))[0];
    },
  });
  return [result, ran];
}

/** What is said of the error: that no source says which it is (§13). */
test('a mismatch is marked as unspecified', () => {
  const ran = run({
    *method(args, client) {
      return yield* client.check(args, { checkScalarInputCount: 1 });
    },
    *app(app, connect) {
      return (yield* app.IOConnectCallScalarMethod(connect, 0, []))[0];
    },
  });
  expect(ran.result).toBe(kIOReturnBadArgument);
  expect(ran.of('unspecified').map(({ what }) => what)).toEqual(['the error of a dispatch check; BadArgument here']);
});

const passes = [42, true];
const fails = [kIOReturnBadArgument, false];

describe.each<{
  field: keyof IOUserClientMethodDispatch;
  with: (count: number) => Arguments;
  sizes: readonly number[];
}>([
  { field: 'checkScalarInputCount', with: (scalars) => ({ scalars }), sizes: [0, 1, 16] },
  { field: 'checkScalarOutputCount', with: (outputScalars) => ({ outputScalars }), sizes: [0, 1, 16] },
  { field: 'checkStructureInputSize', with: (input) => ({ input }), sizes: [0, 1, 4096, 4097, 32 * KiB] },
  { field: 'checkStructureOutputSize', with: (output) => ({ output }), sizes: [0, 1, 4096, 4097, 32 * KiB] },
])('$field', ({ field, with: args, sizes }) => {
  test.each(sizes)('%i passes as itself, and as one more does not', (size) => {
    expect(check({ [field]: size }, args(size))).toEqual(passes);
    expect(check({ [field]: size + 1 }, args(size))).toEqual(fails);
  });

  test('0 is a check: one is too many', () => {
    expect(check({ [field]: 0 }, args(1))).toEqual(fails);
  });

  test.each(sizes)('0xffffffff and absence let %i through', (size) => {
    expect(check({ [field]: kIOUserClientVariableStructureSize }, args(size))).toEqual(passes);
    expect(check({}, args(size))).toEqual(passes);
  });
});

describe('checkCompletionExists', () => {
  test.each([
    [1, true, passes],
    [1, false, fails],
    [0, true, fails],
    [0, false, passes],
    [-1, true, passes],
    [-1, false, passes],
    [undefined, true, passes],
    [undefined, false, passes],
  ] as const)('%s with asynchronous %s', (checkCompletionExists, asynchronous, expected) => {
    const entry = checkCompletionExists === undefined ? {} : { checkCompletionExists };
    expect(check(entry, { asynchronous })).toEqual(expected);
  });
});

test('all checks pass and there is no function: NoCompletion', () => {
  const { result } = run({
    method: (args, client) => client.check(args, { checkScalarInputCount: 0 }),
    *app(app, connect) {
      const [none] = yield* app.IOConnectCallScalarMethod(connect, 0, []);
      const [mismatch] = yield* app.IOConnectCallScalarMethod(connect, 0, [1n]);
      return [none, mismatch];
    },
  });
  expect(result).toEqual([kIOReturnNoCompletion, kIOReturnBadArgument]);
});

test('no entry at all: Unsupported', () => {
  expect(check(undefined, {})).toEqual([kIOReturnUnsupported, false]);
});

test('nothing is checked unless the dext asks for it, not even the selector', () => {
  const selectors: number[] = [];
  const { result } = run({
    *method(args) {
      selectors.push(args.selector, args.scalarInputCount);
      return 0;
    },
    *app(app, connect) {
      return (yield* app.IOConnectCallScalarMethod(connect, 12_345, [1n, 2n]))[0];
    },
  });
  expect(result).toBe(0);
  expect(selectors).toEqual([12_345, 2]);
});

test('the function gets target, reference and arguments', () => {
  const got: unknown[] = [];
  run({
    *method(args, client) {
      const target = { name: 'target' };
      const entry: IOUserClientMethodDispatch<typeof target> = {
        *function(self, reference, passed) {
          got.push(self === target, reference, passed === args);
          return 0;
        },
      };
      return yield* client.check(args, entry, target, 7);
    },
    *app(app, connect) {
      yield* app.IOConnectCallScalarMethod(connect, 0, []);
    },
  });
  expect(got).toEqual([true, 7, true]);
});
