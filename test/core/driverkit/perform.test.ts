/** facts §4.4: IODMACommand::PerformOperation. */
import { describe, expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  kIODMACommandPerformOperationOptionRead,
  kIODMACommandPerformOperationOptionWrite,
  kIODMACommandPerformOperationOptionZero,
  kIOMemoryDirectionInOut,
  kIOReturnBadArgument,
  kIOReturnNotReady,
  kIOReturnSuccess,
  kIOReturnUnderrun,
  KiB,
  load,
  memset,
  type Program,
} from '../../../index.ts';
import { commandFor, inDext, prepared, type Inside } from '../../support/dext.ts';

const size = 48 * KiB;
const [read, write, zero] = [
  kIODMACommandPerformOperationOptionRead,
  kIODMACommandPerformOperationOptionWrite,
  kIODMACommandPerformOperationOptionZero,
];

/** A buffer of the dext, filled, and where it sees it. */
function* bufferOf(capacity: number, byte: number): Program<[IOBufferMemoryDescriptor, number]> {
  const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, capacity);
  const [, { address }] = yield* buffer!.GetAddressRange();
  yield* memset(address, byte, capacity);
  return [buffer!, address];
}

test.each([0, read | write, read | zero, 8, read | 8])('options %i: BadArgument', (options) => {
  const { result } = inDext(function* (inside) {
    const [command] = yield* prepared(inside, inside.input);
    return yield* command.PerformOperation(options, 0, 1, 0, inside.output);
  });
  expect(result).toBe(kIOReturnBadArgument);
});

test('nothing prepared: NotReady', () => {
  const { result } = inDext(function* (inside) {
    return yield* (yield* commandFor(inside)).PerformOperation(zero, 0, 1, 0, null);
  });
  expect(result).toBe(kIOReturnNotReady);
});

test.each([
  ['more than the whole descriptor', zero, size + 1, true, kIOReturnBadArgument],
  ['NULL data', read, 1, false, kIOReturnBadArgument],
  ['more than the data holds', write, 101, true, kIOReturnBadArgument],
  ['past the prepared window', zero, 1001, true, kIOReturnUnderrun],
  ['NULL data is fine for zero', zero, 1000, false, kIOReturnSuccess],
])('%s', (_what, options, length, withData, code) => {
  const { result } = inDext(function* (inside) {
    const command = yield* commandFor(inside);
    yield* command.PrepareForDMA(0, inside.output, 0, 1000);
    const [data] = yield* bufferOf(100, 0);
    return yield* command.PerformOperation(options, 0, length, 0, withData ? data : null);
  });
  expect(result).toBe(code);
});

describe('bytes', () => {
  const around = { unaligned: 0x123 };

  /** The memory's bytes from `at` on, through a mapping made afterwards. */
  function* bytesOf({ output }: Inside, at: number, length: number): Program<number[]> {
    const [, map] = yield* output.CreateMapping(0);
    return [...(yield* load(map!.GetAddress() + at, length))];
  }

  test('write goes from data to memory, across pages; counted from what is prepared', () => {
    const { result } = inDext(function* (inside) {
      const command = yield* commandFor(inside);
      yield* command.PrepareForDMA(0, inside.output, 100, 40 * KiB);
      const [data] = yield* bufferOf(20 * KiB, 7);
      const code = yield* command.PerformOperation(write, 50, 20 * KiB, 0, data);
      return [code, yield* bytesOf(inside, 149, 2), yield* bytesOf(inside, 149 + 20 * KiB, 2)];
    }, around);
    expect(result).toEqual([0, [0, 7], [7, 0]]);
  });

  test('read goes from memory to data, even from memory that only a device may write; zero clears', () => {
    const { result } = inDext(function* (inside) {
      const [command] = yield* prepared(inside, inside.output);
      const [source] = yield* bufferOf(100, 9);
      yield* command.PerformOperation(write, 10, 100, 0, source);
      const [target, at] = yield* bufferOf(200, 1);
      const codes = [yield* command.PerformOperation(read, 10, 100, 50, target)];
      codes.push(yield* command.PerformOperation(zero, 10, 50, 0, null));
      const copied = yield* load(at, 200);
      return [codes, copied[49], copied[50], copied[149], copied[150], yield* bytesOf(inside, 59, 2)];
    }, around);
    expect(result).toEqual([[0, 0], 1, 9, 9, 1, [0, 9]]);
  });

  test('and writes into memory that a device may only read (§4.4)', () => {
    const ran = inDext(function* (inside) {
      const [command] = yield* prepared(inside, inside.input);
      const [data] = yield* bufferOf(8, 9);
      return yield* command.PerformOperation(write, 0, 8, 0, data);
    });
    expect(ran.result).toBe(kIOReturnSuccess);
    expect(ran.of('command.copy')).toMatchObject([{ operation: 'write', length: 8 }]);
  });
});
