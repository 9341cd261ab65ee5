/** facts §2.8, §5.1, §5.2: descriptors, mappings and buffers as the dext sees them. */
import { describe, expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  kIOMemoryDirectionIn,
  kIOMemoryDirectionInOut,
  kIOMemoryDirectionOut,
  kIOMemoryMapCacheModeInhibit,
  kIOMemoryMapFixedAddress,
  kIOMemoryMapReadOnly,
  kIOReturnBadArgument,
  kIOReturnError,
  kIOReturnNoMemory,
  kIOReturnNotReady,
  kIOReturnOverrun,
  kIOReturnSuccess,
  KiB,
  load,
  store,
  type IOMemoryDescriptor,
} from '../../../index.ts';
import { inDext } from '../../support/dext.ts';
import { run, runAnyhow } from '../../support/run.ts';

test.each([4097, 5000, 48 * KiB])('GetLength is exact: %i', (size) => {
  const { result } = inDext(({ input }) => input.GetLength(), { size, unaligned: 7 });
  expect(result).toEqual([kIOReturnSuccess, size]);
});

describe('CreateMapping', () => {
  const size = 40 * KiB;

  test.each([
    ['an undefined cache mode', 0x300, 0, 0, kIOReturnBadArgument],
    ['an offset with length 0, which is the full length', 0, 1, 0, kIOReturnError],
    ['a length past the end', 0, 0, size + 1, kIOReturnError],
    ['a window past the end', 0, 100, size - 99, kIOReturnError],
    ['an offset at the end', 0, size, 1, kIOReturnError],
  ])('%s', (_name, options, offset, length, expected) => {
    const ran = inDext(({ input }) => input.CreateMapping(options, 0, offset, length), { size });
    expect(ran.result).toEqual([expected, null]);
    expect(ran.of('mapping.create')).toEqual([]);
  });

  test.each([
    [0, 0, size],
    [0, 100, 100],
    [100, size - 100, size - 100],
    [size - 1, 1, 1],
  ])('from %i for %i maps %i bytes, at the right place', (offset, length, expected) => {
    const { result } = inDext(
      function* ({ output }) {
        const [, whole] = yield* output.CreateMapping(0);
        yield* store(whole!.GetAddress() + offset, Uint8Array.of(0x42));
        const [code, map] = yield* output.CreateMapping(0, 0, offset, length);
        return [code, map!.GetLength(), (yield* load(map!.GetAddress(), 1))[0]];
      },
      { size, unaligned: 0x77 },
    );
    expect(result).toEqual([kIOReturnSuccess, expected, 0x42]);
  });

  test.each([
    ['free and with the offset in the page', 0x2_0000_0077, kIOReturnSuccess],
    ['with another offset in the page', 0x2_0000_0000, kIOReturnError],
  ])('at a fixed address that is %s', (_what, address, expected) => {
    const { result } = inDext(({ output }) => output.CreateMapping(kIOMemoryMapFixedAddress, address), {
      size,
      unaligned: 0x77,
    });
    expect([result[0], result[1]?.GetAddress()]).toEqual([expected, expected === 0 ? address : undefined]);
  });

  test('at a fixed address that is taken', () => {
    const { result } = inDext(function* ({ output }) {
      const [, first] = yield* output.CreateMapping(0);
      return (yield* output.CreateMapping(kIOMemoryMapFixedAddress, first!.GetAddress()))[0];
    });
    expect(result).toBe(kIOReturnError);
  });

  test('read-only on demand; cache modes are taken', () => {
    const ran = inDext(({ output }) => output.CreateMapping(kIOMemoryMapReadOnly | kIOMemoryMapCacheModeInhibit));
    expect(ran.result[0]).toBe(kIOReturnSuccess);
    expect(ran.of('vm.enter').at(-1)!.protection).toBe('read');
  });

  test('a bad range fails, but has taken the snapshot (MD:4879-4916, 4946-4951)', () => {
    const ran = inDext(({ input }) => input.CreateMapping(0, 0, 0, size + 1), { size });
    expect(ran.result[0]).toBe(kIOReturnError);
    expect(ran.of('descriptor.snapshot')).toHaveLength(1);
  });

  test('a mapping stays valid after the app has unmapped the memory', () => {
    let memory: IOMemoryDescriptor;
    let at = 0;
    const { result } = run({
      method: [
        function* (args) {
          memory = args.structureOutputDescriptor!;
          const [, map] = yield* memory.CreateMapping(0);
          at = map!.GetAddress();
          return 0;
        },
        function* (args) {
          args.scalarOutput[0] = BigInt((yield* load(at, 1))[0]!);
          yield* store(at, Uint8Array.of(1));
          return 0;
        },
      ],
      *app(app, connect) {
        const buffer = yield* app.mmap(32 * KiB);
        yield* app.store(buffer, Uint8Array.of(0x42));
        yield* app.IOConnectCallStructMethod(connect, 0, 0, 0, buffer, 32 * KiB);
        yield* app.munmap(buffer, 32 * KiB);
        return (yield* app.IOConnectCallScalarMethod(connect, 1, [], 1))[1];
      },
    });
    expect(result).toEqual([0x42n]);
  });

  test('an Out descriptor is mapped read-only: a write through it crashes the dext', () => {
    const ran = runAnyhow({
      *method(args) {
        const [, map] = yield* args.structureInputDescriptor!.CreateMapping(0);
        yield* store(map!.GetAddress(), Uint8Array.of(1));
        return 0;
      },
      *app(app, connect) {
        const buffer = yield* app.mmap(32 * KiB);
        yield* app.IOConnectCallStructMethod(connect, 0, buffer, 32 * KiB);
      },
    });
    expect(ran.findings.map(({ rule }) => rule)).toEqual(['crash']);
    expect(ran.findings[0]!.message).toMatch(
      /^dext:TestClient crashed: SIGBUS: write at 0x[0-9a-f]+, which is mapped with protection read/,
    );
  });

  test('there is an unmapped page before it: an underrun crashes the dext', () => {
    const ran = runAnyhow({
      *method(args) {
        const [, map] = yield* args.structureOutputDescriptor!.CreateMapping(0);
        yield* load(map!.GetAddress() - 1, 1);
        return 0;
      },
      *app(app, connect) {
        const buffer = yield* app.mmap(32 * KiB);
        yield* app.IOConnectCallStructMethod(connect, 0, 0, 0, buffer, 32 * KiB);
      },
    });
    expect(ran.findings.map(({ rule }) => rule)).toEqual(['crash']);
  });
});

describe('CreateMemoryDescriptorFromClient', () => {
  test('more than 32 ranges: Overrun; ranges that cannot be: NoMemory; unmapped ones are fine', () => {
    const { result } = inDext(function* ({ client, address }) {
      const codes: number[] = [];
      for (const count of [32, 33]) {
        const ranges = Array.from({ length: count }, () => ({ address, length: 1 }));
        codes.push((yield* client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionOut, ranges))[0]);
      }
      for (const range of [
        { address, length: 2 ** 46 },
        { address: 0x1234, length: 100 },
      ]) {
        codes.push((yield* client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionOut, [range]))[0]);
      }
      return codes;
    });
    expect(result).toEqual([0, kIOReturnOverrun, kIOReturnNoMemory, 0]);
  });

  test('after Stop: NotReady', () => {
    let code = 0;
    run({
      *app() {},
      *afterStop(client) {
        [code] = yield* client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionOut, [
          { address: 0x1_0400_0000, length: 1 },
        ]);
      },
    });
    expect(code).toBe(kIOReturnNotReady);
  });

  test('several ranges are one memory: length and contents follow each other', () => {
    const { result } = inDext(function* ({ client, address, input }) {
      const ranges = [
        { address: address + 16 * KiB, length: 16 * KiB },
        { address, length: 100 },
      ];
      const [, memory] = yield* client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionInOut | 0x10, ranges);
      const [, map] = yield* memory!.CreateMapping(0);
      yield* store(map!.GetAddress(), Uint8Array.of(1));
      yield* store(map!.GetAddress() + 16 * KiB, Uint8Array.of(2));
      const [, app] = yield* input.CreateMapping(0);
      const at = app!.GetAddress();
      return [(yield* memory!.GetLength())[1], (yield* load(at + 16 * KiB, 1))[0], (yield* load(at, 1))[0]];
    });
    expect(result).toEqual([16 * KiB + 100, 1, 2]);
  });

  test('ranges that meet off a page border cannot be mapped in a row', () => {
    const { result } = inDext(function* ({ client, address }) {
      const ranges = [
        { address, length: 100 },
        { address: address + 16 * KiB, length: 100 },
      ];
      const [, memory] = yield* client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionOut, ranges);
      return yield* memory!.CreateMapping(0);
    });
    expect(result).toEqual([kIOReturnError, null]);
  });
});

describe('IOBufferMemoryDescriptor', () => {
  test('other option bits: BadArgument; capacity 0: NoMemory', () => {
    const { result } = inDext(function* () {
      const bits = yield* IOBufferMemoryDescriptor.Create(4, 100);
      const none = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionIn, 0);
      return [bits, none];
    });
    expect(result).toEqual([
      [kIOReturnBadArgument, null],
      [kIOReturnNoMemory, null],
    ]);
  });

  test('its length begins as its capacity; SetLength succeeds always and ignores what is above it', () => {
    const { result } = inDext(function* () {
      const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 100);
      const seen = [(yield* buffer!.GetLength())[1]];
      for (const length of [40, 101, 100, 0]) {
        expect(yield* buffer!.SetLength(length)).toBe(kIOReturnSuccess);
        seen.push((yield* buffer!.GetLength())[1]);
      }
      return seen;
    });
    expect(result).toEqual([100, 40, 40, 100, 0]);
  });

  test.each([kIOMemoryDirectionOut, kIOMemoryDirectionIn, kIOMemoryDirectionInOut])(
    'is zeroed, page-aligned and writable for its creator, direction %i',
    (direction) => {
      const { result } = inDext(function* () {
        const [, buffer] = yield* IOBufferMemoryDescriptor.Create(direction, 5000);
        const [code, range] = yield* buffer!.GetAddressRange();
        const before = (yield* load(range.address, 4)).join();
        yield* store(range.address, Uint8Array.of(9));
        return [code, range.length, range.address % (16 * KiB), before, (yield* load(range.address, 1))[0]];
      });
      expect(result).toEqual([kIOReturnSuccess, 5000, 0, '0,0,0,0', 9]);
    },
  );
});
