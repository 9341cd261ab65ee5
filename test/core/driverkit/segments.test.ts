/** facts §4.2 (5), §4.6: the segments that PrepareForDMA returns. */
import { describe, expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  kIOMemoryDirectionOut,
  kIOReturnMessageTooLarge,
  kIOReturnNoResources,
  kIOReturnSuccess,
  KiB,
  MiB,
  type MachineOptions,
  type Program,
} from '../../../index.ts';
import type { Range } from '../../../core/iokit/state.ts';
import { commandFor, inDext, wires, type Around, type Inside } from '../../support/dext.ts';

interface Segments {
  readonly code: number;
  readonly segments: readonly Range[];
}

function* prepare(inside: Inside, offset = 0, length = 0, capacity = 32, maxAddressBits = 64): Program<Segments> {
  const command = yield* commandFor(inside, maxAddressBits);
  const [code, , count, segments] = yield* command.PrepareForDMA(0, inside.input, offset, length, capacity);
  expect(count).toBe(segments.length);
  yield* command.CompleteDMA(0);
  return { code, segments };
}

const sum = (segments: readonly Range[]): number => segments.reduce((total, { length }) => total + length, 0);
const none4K = { mapper: 'none', pageSize: 4 * KiB } as const;

describe('with a mapper', () => {
  test.each<Partial<MachineOptions>>([{ mapper: 'dart' }, { mapper: 'vtd', pageSize: 4 * KiB }])(
    '%j: one segment of exactly the length, however scattered the pages are',
    (machine) => {
      const { result } = inDext(prepare, { machine, size: 1 * MiB });
      expect(result.code).toBe(kIOReturnSuccess);
      expect(result.segments).toHaveLength(1);
      expect(result.segments[0]!.length).toBe(1 * MiB);
    },
  );

  test('the offset in the page is kept in the address', () => {
    const { result } = inDext(prepare, { unaligned: 0x321 });
    expect(result.segments).toEqual([{ address: expect.any(Number), length: 48 * KiB }]);
    expect(result.segments[0]!.address % (16 * KiB)).toBe(0x321);
  });

  test('a window begins at its own offset', () => {
    const { result } = inDext((inside) => prepare(inside, 20 * KiB + 5, 100), { unaligned: 1 });
    expect(result.segments[0]!.length).toBe(100);
    expect(result.segments[0]!.address % (16 * KiB)).toBe(4 * KiB + 6);
  });

  test('ranges that meet at page borders are one segment, others one for each', () => {
    const { result } = inDext(function* (inside) {
      const of = function* (ranges: readonly Range[]): Program<number[]> {
        const [, memory] = yield* inside.client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionOut, ranges);
        const command = yield* commandFor(inside);
        const [, , , segments] = yield* command.PrepareForDMA(0, memory, 0, 0);
        return segments.map(({ length }) => length);
      };
      const { address } = inside;
      const far = { address: address + 32 * KiB, length: 16 * KiB };
      return [
        yield* of([{ address, length: 16 * KiB }, far]),
        yield* of([{ address, length: 16 * KiB - 1 }, far]),
        yield* of([
          { address, length: 16 * KiB },
          { address: address + 32 * KiB + 1, length: 100 },
        ]),
      ];
    });
    expect(result).toEqual([[32 * KiB], [16 * KiB - 1, 16 * KiB], [16 * KiB, 100]]);
  });

  test.each([
    ['dart', 16 * KiB - 1, 1],
    ['dart', 16 * KiB, 0],
    ['vtd', 16 * KiB - 1, 0],
  ] as const)(
    'what a %s gives ranges that meet after %i bytes is unspecified %i times (§13)',
    (mapper, length, times) => {
      const ran = inDext(
        function* (inside) {
          const { address } = inside;
          const ranges = [
            { address, length },
            { address: address + 32 * KiB, length: 16 * KiB },
          ];
          const [, memory] = yield* inside.client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionOut, ranges);
          return (yield* (yield* commandFor(inside)).PrepareForDMA(0, memory, 0, 0))[0];
        },
        { machine: { mapper } },
      );
      expect(ran.of('unspecified')).toHaveLength(times);
    },
  );
});

describe('without a mapper', () => {
  test('one segment for each page, at the physical addresses, when they are scattered', () => {
    const ran = inDext(prepare, { machine: { mapper: 'none' } });
    const frames = ran.of('page.wire').map(({ frame }) => frame * 16 * KiB);
    expect(ran.result.segments).toEqual(frames.map((address) => ({ address, length: 16 * KiB })));
  });

  test('neighbours are merged', () => {
    const ran = inDext(prepare, { machine: { mapper: 'none', physical: 'contiguous' } });
    const [first] = ran.of('page.wire');
    expect(ran.result.segments).toEqual([{ address: first!.frame * 16 * KiB, length: 48 * KiB }]);
  });

  test('a contiguous buffer is one segment even when pages are scattered', () => {
    const { result } = inDext(
      function* (inside) {
        const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionOut, 64 * KiB, 64 * KiB);
        const [, , , segments] = yield* (yield* commandFor(inside)).PrepareForDMA(0, buffer, 0, 0);
        return segments.map(({ length }) => length);
      },
      { machine: { mapper: 'none' } },
    );
    expect(result).toEqual([64 * KiB]);
  });

  test('the ends of an unaligned window are short', () => {
    const around: Around = { machine: none4K, unaligned: 100, size: 16 * KiB };
    const { result } = inDext((inside) => prepare(inside, 0, 9000), around);
    expect(result.segments.map(({ length }) => length)).toEqual([4096 - 100, 4096, 9000 - 4096 - 3996]);
    expect(result.segments.map(({ address }) => address % 4096)).toEqual([100, 0, 0]);
  });

  test('more than there is room for: success, and the rest is dropped without a word', () => {
    const ran = inDext(prepare, { machine: none4K, size: 33 * 4 * KiB });
    expect(ran.result.code).toBe(kIOReturnSuccess);
    expect(ran.result.segments).toHaveLength(32);
    expect(sum(ran.result.segments)).toBe(32 * 4 * KiB);
    expect(ran.of('command.prepared')).toMatchObject([{ segments: 32, dropped: 1 }]);
    expect(ran.of('page.wire')).toHaveLength(33);
  });

  test('32 pages fit', () => {
    const ran = inDext(prepare, { machine: none4K, size: 32 * 4 * KiB });
    expect(sum(ran.result.segments)).toBe(32 * 4 * KiB);
    expect(ran.of('command.prepared')).toMatchObject([{ segments: 32, dropped: 0 }]);
  });

  test('room for one segment: a prefix', () => {
    const ran = inDext((inside) => prepare(inside, 0, 0, 1), { machine: none4K, size: 12 * KiB });
    expect(ran.result).toMatchObject({ code: kIOReturnSuccess, segments: [{ length: 4 * KiB }] });
    expect(ran.of('command.prepared')).toMatchObject([{ segments: 1, dropped: 2 }]);
  });
});

describe('few address bits', () => {
  test('without a mapper memory lies too high: MessageTooLarge, and everything is undone', () => {
    const ran = inDext((inside) => prepare(inside, 0, 0, 32, 32), { machine: { mapper: 'none' } });
    expect(ran.result).toEqual({ code: kIOReturnMessageTooLarge, segments: [] });
    expect(ran.of('page.wire')).toHaveLength(3);
    expect(wires(ran)).toEqual([]);
  });

  test.each(['dart', 'vtd'] as const)('%s hands out low addresses', (mapper) => {
    const { result } = inDext((inside) => prepare(inside, 0, 0, 32, 32), { machine: { mapper } });
    expect(result.code).toBe(kIOReturnSuccess);
    expect(result.segments[0]!.address + result.segments[0]!.length).toBeLessThanOrEqual(2 ** 32);
  });

  test('no room below the limit: NoResources', () => {
    const ran = inDext((inside) => prepare(inside, 0, 0, 32, 20));
    expect(ran.result).toEqual({ code: kIOReturnNoResources, segments: [] });
    expect(wires(ran)).toEqual([]);
  });
});
