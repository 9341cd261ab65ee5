/** facts §2.1 and §2.7, the visibility matrix: when the app's write is seen through the dext's mapping, and when by the device. */
import { describe, expect, test } from 'vitest';
import { KiB, load, type App, type IOMemoryDescriptor, type MachineOptions, type Program } from '../../../index.ts';
import { bytes, play, readBy, type Move } from '../../support/rig.ts';
import { run, runs } from '../../support/run.ts';

const { old, new: fresh } = bytes;

interface Row {
  readonly when: string;
  readonly moves: readonly Move[];
  /** What the dext must see through its mapping. */
  readonly cpu: number;
  /** What the device must read. */
  readonly device: number;
}

const rows: readonly Row[] = [
  { when: 'before the call', moves: ['write', 'call', 'map', 'prepare', 'read', 'look'], cpu: fresh, device: fresh },
  {
    when: 'after the call, before M',
    moves: ['call', 'write', 'map', 'prepare', 'read', 'look'],
    cpu: fresh,
    device: fresh,
  },
  { when: 'after M, before P', moves: ['call', 'map', 'write', 'prepare', 'read', 'look'], cpu: old, device: fresh },
  {
    when: 'after M that was looked at',
    moves: ['call', 'map', 'look', 'write', 'look', 'prepare', 'read', 'look'],
    cpu: old,
    device: fresh,
  },
  {
    when: 'after M and P, before D',
    moves: ['call', 'map', 'prepare', 'write', 'read', 'look'],
    cpu: old,
    device: fresh,
  },
  {
    when: 'after P, before D and M',
    moves: ['call', 'prepare', 'write', 'read', 'map', 'look'],
    cpu: fresh,
    device: fresh,
  },
  {
    when: 'after P and M, before D',
    moves: ['call', 'prepare', 'map', 'write', 'read', 'look'],
    cpu: old,
    device: fresh,
  },
  { when: 'after D', moves: ['call', 'map', 'prepare', 'read', 'write', 'look'], cpu: old, device: old },
  { when: 'after D, before M', moves: ['call', 'prepare', 'read', 'write', 'map', 'look'], cpu: fresh, device: old },
  {
    when: 'by munmap and mmap before M and P',
    moves: ['call', 'remap', 'map', 'prepare', 'read', 'look'],
    cpu: fresh,
    device: fresh,
  },
  {
    when: 'by munmap and mmap before P and M',
    moves: ['call', 'remap', 'prepare', 'map', 'read', 'look'],
    cpu: fresh,
    device: fresh,
  },
  {
    when: 'by munmap and mmap after M, before P',
    moves: ['call', 'map', 'remap', 'prepare', 'read', 'look'],
    cpu: old,
    device: old,
  },
  {
    when: 'by munmap and mmap after P',
    moves: ['call', 'map', 'prepare', 'remap', 'read', 'look'],
    cpu: old,
    device: old,
  },
  {
    when: 'by munmap and mmap after P, before M',
    moves: ['call', 'prepare', 'remap', 'map', 'read', 'look'],
    cpu: fresh,
    device: old,
  },
];

/** Small enough for a malloc zone, which is copied eagerly: the same must be seen. */
const zoned = {
  size: 12 * KiB,
  *allocate(app: App, size: number): Program<number> {
    return yield* app.malloc(size);
  },
};

describe.each<Partial<MachineOptions>>([
  { pageSize: 16 * KiB, mapper: 'dart' },
  { pageSize: 4 * KiB, mapper: 'vtd' },
  { pageSize: 4 * KiB, mapper: 'none', physical: 'contiguous' },
  { pageSize: 16 * KiB, mapper: 'none', physical: 'scattered', era: 'before-13.3' },
])('on %j, the app writes', (machine) => {
  test.each(rows)('$when', ({ moves, cpu, device }) => {
    for (const ran of runs(() => play({ moves, machine }), 3)) {
      expect(ran.result.codes).toEqual([0, 0]);
      expect(readBy(ran.result, ran.deviceMemory)).toEqual([device]);
      expect(ran.result.looks.at(-1)).toBe(cpu);
    }
  });

  test.each(rows.filter(({ moves }) => !moves.includes('remap')))(
    '$when, in a malloc zone',
    ({ moves, cpu, device }) => {
      for (const ran of runs(() => play({ moves, machine, ...zoned }), 2)) {
        expect(readBy(ran.result, ran.deviceMemory)).toEqual([device]);
        expect(ran.result.looks.at(-1)).toBe(cpu);
      }
    },
  );
});

test('every look shows the same snapshot, however often it is looked at in between', () => {
  const moves: Move[] = [
    'call',
    'map',
    'look',
    'write',
    'look',
    'prepare',
    'read',
    'look',
    'remap',
    'look',
    'complete',
    'look',
  ];
  const ran = run(play({ moves }));
  expect(ran.result.looks).toEqual([old, old, old, old, old]);
});

test('inline: nothing written after the call is ever seen', () => {
  const all = runs(() => {
    let inline: Uint8Array;
    const seen: number[] = [];
    return {
      method: [
        function* (args) {
          inline = args.structureInput!.getBytesNoCopy();
          seen.push(inline[0]!);
          return 0;
        },
        function* () {
          seen.push(inline[0]!);
          return 0;
        },
      ],
      *app(app, connect) {
        const buffer = yield* app.malloc(4096);
        yield* app.memset(buffer, old, 4096);
        yield* app.IOConnectCallStructMethod(connect, 0, buffer, 4096);
        yield* app.memset(buffer, fresh, 4096);
        yield* app.IOConnectCallStructMethod(connect, 1, 0, 0);
        return seen;
      },
    };
  });
  for (const ran of all) expect(ran.result).toEqual([old, old]);
});

test('a write during the call, before the first mapping, is seen or not: both happen', () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 60; seed += 1) {
    const ran = run(
      {
        *method(args) {
          const [, map] = yield* args.structureInputDescriptor!.CreateMapping(0);
          args.scalarOutput[0] = BigInt((yield* load(map!.GetAddress(), 1))[0]!);
          yield* map!.release();
          return 0;
        },
        *app(app, connect) {
          const buffer = yield* app.mmap(32 * KiB);
          yield* app.memset(buffer, old, 1);
          const writer = yield* app.pthread_create('writer', () => app.memset(buffer, fresh, 1));
          const [, scalars] = yield* app.IOConnectCallMethod(connect, 0, [], buffer, 32 * KiB, 1, 0, 0);
          yield* app.pthread_join(writer);
          return Number(scalars[0]);
        },
      },
      { seed },
    );
    seen.add(ran.result);
  }
  expect(seen).toEqual(new Set([old, fresh]));
});

test('struct output: a mapping is shared; dext, device and app see each other at once', () => {
  for (const ran of runs(() => {
    let memory: IOMemoryDescriptor;
    return {
      method: [
        function* (args) {
          memory = args.structureOutputDescriptor!;
          yield* memory.retain();
          const [, map] = yield* memory.CreateMapping(0);
          args.scalarOutput[0] = BigInt(map!.GetAddress());
          return 0;
        },
        function* (args) {
          args.scalarOutput[0] = BigInt((yield* load(Number(args.scalarInput[0]), 1))[0]!);
          return 0;
        },
      ],
      *app(app, connect) {
        const buffer = yield* app.mmap(32 * KiB);
        yield* app.memset(buffer, old, 1);
        const [, mapped] = yield* app.IOConnectCallMethod(connect, 0, [], 0, 0, 1, buffer, 32 * KiB);
        yield* app.memset(buffer, fresh, 1);
        const [, looked] = yield* app.IOConnectCallScalarMethod(connect, 1, [mapped[0]!], 1);
        return Number(looked[0]);
      },
    };
  }, 2)) {
    expect(ran.result).toBe(fresh);
    expect(ran.of('descriptor.snapshot')).toEqual([]);
  }
});
