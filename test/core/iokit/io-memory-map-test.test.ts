/**
 * xnu's own IOMemoryMapTest (iokit/Tests/TestIOMemoryDescriptor.cpp 536-604; facts §2.4): a descriptor over user
 * memory is mapped, the memory is written afterwards, and the mapping must have the old words with
 * kIOMemoryMapCopyOnWrite and the new words without.
 */
import { describe, expect, test } from 'vitest';
import {
  kIOMemoryDirectionInOut,
  kIOMemoryDirectionOut,
  kIOMemoryDisableCopyOnWrite,
  KiB,
  load32,
  type IOMemoryMap,
  type MachineOptions,
} from '../../../index.ts';
import { runs, type Setup } from '../../support/run.ts';

/** Words are their own index before, and this much more afterwards. */
const later = 0x5a00_0000;

interface Case {
  readonly bufferOffset: number;
  readonly length: number;
  readonly mapOffset: number;
  readonly mapLength: number;
}

const cases: readonly Case[] = [
  { bufferOffset: 0, length: 48 * KiB, mapOffset: 0, mapLength: 0 },
  { bufferOffset: 0, length: 48 * KiB, mapOffset: 4 * KiB, mapLength: 20 * KiB },
  { bufferOffset: 0x10c, length: 40 * KiB, mapOffset: 0, mapLength: 0 },
  { bufferOffset: 0x10c, length: 40 * KiB, mapOffset: 16 * KiB + 4, mapLength: 100 },
  { bufferOffset: 16 * KiB - 4, length: 16, mapOffset: 4, mapLength: 8 },
];

/** One word in each KiB, and the ends. */
function indices(length: number): number[] {
  const all = [0, length / 4 - 1];
  for (let at = 0; at < length / 4; at += 256) all.push(at);
  return all;
}

function mapTest(
  direction: number,
  { bufferOffset, length, mapOffset, mapLength }: Case,
  machine: Partial<MachineOptions>,
): Setup<void> {
  let map: IOMemoryMap;
  const mapped = mapLength === 0 ? length : mapLength;
  return {
    machine,
    method: [
      function* (args, client) {
        const range = { address: Number(args.scalarInput[0]), length };
        const [made, memory] = yield* client.CreateMemoryDescriptorFromClient(direction, [range]);
        expect(made).toBe(0);
        const [code, result] = yield* memory!.CreateMapping(0, 0, mapOffset, mapLength);
        expect(code).toBe(0);
        map = result!;
        expect(map.GetLength()).toBe(mapped);
        return 0;
      },
      function* () {
        const added = (direction & kIOMemoryDisableCopyOnWrite) === 0 ? 0 : later;
        for (const index of indices(mapped)) {
          expect(yield* load32(map.GetAddress() + 4 * index)).toBe(mapOffset / 4 + index + added);
        }
        return 0;
      },
    ],
    *app(app, connect) {
      const buffer = (yield* app.mmap(64 * KiB)) + bufferOffset;
      for (const index of indices(mapped)) yield* app.store32(buffer + mapOffset + 4 * index, mapOffset / 4 + index);
      yield* app.IOConnectCallScalarMethod(connect, 0, [BigInt(buffer)]);
      for (const index of indices(mapped))
        yield* app.store32(buffer + mapOffset + 4 * index, mapOffset / 4 + index + later);
      yield* app.IOConnectCallScalarMethod(connect, 1, []);
    },
  };
}

describe.each([
  ['with copy-on-write: the old words', 0],
  ['without: the new words', kIOMemoryDisableCopyOnWrite],
])('%s', (_name, option) => {
  describe.each([
    ['Out', kIOMemoryDirectionOut],
    ['InOut', kIOMemoryDirectionInOut],
  ])('%s', (_direction, direction) => {
    test.each(cases)('$length bytes at page offset $bufferOffset, mapped from $mapOffset', (one) => {
      for (const pageSize of [4 * KiB, 16 * KiB]) {
        const all = runs(() => mapTest(direction | option, one, { pageSize }), 1);
        for (const ran of all) {
          expect(ran.of('descriptor.snapshot').length).toBe(option === 0 ? 1 : 0);
          expect(ran.of('mapping.create')).toHaveLength(1);
        }
      }
    });
  });
});
