/** facts §2.3 to §2.6: how a snapshot is made, that it is made once, and what cannot damage it. */
import { describe, expect, test } from 'vitest';
import {
  IODMACommand,
  kIOMemoryDirectionIn,
  kIOMemoryDirectionInOut,
  kIOMemoryDirectionOut,
  KiB,
  load,
  store,
  type IOMemoryMap,
} from '../../../index.ts';
import { bytes, play, readBy, type Move } from '../../support/rig.ts';
import { run, runs, type Method, type Ran } from '../../support/run.ts';

const { old, new: fresh, device } = bytes;
const mechanisms = (ran: Ran<unknown>): string[] => ran.of('descriptor.snapshot').map(({ mechanism }) => mechanism);

describe('one snapshot for the life of a descriptor (§2.3)', () => {
  test('a second mapping shows the first snapshot, though the app has written since', () => {
    for (const ran of runs(() => play({ moves: ['call', 'map', 'look', 'write', 'map', 'look'] }), 3)) {
      expect(ran.result.looks).toEqual([old, old]);
      expect(mechanisms(ran)).toEqual(['delayed']);
    }
  });

  test('preparing makes none', () => {
    const ran = run(play({ moves: ['call', 'prepare', 'read', 'complete'] }));
    expect(mechanisms(ran)).toEqual([]);
    expect(ran.of('descriptor.refer')).toEqual([]);
  });

  test('a new call makes a new descriptor, and so a new snapshot', () => {
    const ran = run(play({ moves: ['call', 'map', 'look', 'write', 'call', 'map', 'look'] }));
    expect(ran.result.looks).toEqual([old, fresh]);
  });
});

describe('how it is made (§2.6)', () => {
  const moves: readonly Move[] = ['call', 'map', 'write', 'look'];

  test.each(['mmap', 'posix_memalign', 'large malloc'])('delayed for %s', (kind) => {
    const ran = run(
      play({
        moves,
        *allocate(app, size) {
          if (kind === 'posix_memalign') return (yield* app.posix_memalign(16 * KiB, size))[1];
          return kind === 'mmap' ? yield* app.mmap(size) : yield* app.malloc(size);
        },
      }),
    );
    expect(mechanisms(ran)).toEqual(['delayed']);
    expect(ran.of('page.copy').map(({ reason }) => reason)).toEqual(['push']);
    expect(ran.result.looks).toEqual([old]);
  });

  test('delayed for a small malloc where its zones are copied on write', () => {
    const ran = run(
      play({
        moves,
        size: 12 * KiB,
        machine: { pageSize: 4 * KiB, mallocZones: 'copy-on-write' },
        *allocate(app, size) {
          return yield* app.malloc(size);
        },
      }),
    );
    expect(mechanisms(ran)).toEqual(['delayed']);
    expect(ran.result.looks).toEqual([old]);
  });

  test('eager for a small malloc: all pages are copied at the mapping', () => {
    const ran = run(
      play({
        moves,
        size: 12 * KiB,
        machine: { pageSize: 4 * KiB },
        *allocate(app, size) {
          return yield* app.malloc(size);
        },
      }),
    );
    expect(mechanisms(ran)).toEqual(['eager']);
    // 12 KiB from a 16-byte boundary touch 3 or 4 pages of 4 KiB, of which the app has written one.
    expect(ran.of('page.copy').map(({ reason }) => reason)).toEqual(['eager']);
    expect(ran.result.looks).toEqual([old]);
  });

  test('eager when a page of it is wired', () => {
    const ran = run(play({ moves: ['call', 'prepare', 'map', 'write', 'look'] }));
    expect(mechanisms(ran)).toEqual(['eager']);
    expect(ran.result.looks).toEqual([old]);
  });

  test('delayed again once nothing is wired any more', () => {
    const ran = run(play({ moves: ['call', 'prepare', 'complete', 'map', 'write', 'look'] }));
    expect(mechanisms(ran)).toEqual(['delayed']);
  });

  test.each([
    { wired: 'below the end of the range', first: 0, mapped: 1, expected: 'eager' },
    { wired: 'behind the end of the range', first: 1, mapped: 0, expected: 'delayed' },
  ])('a neighbour in the same object that is wired $wired makes it $expected', ({ first, mapped, expected }) => {
    const half = 16 * KiB;
    const keeps: Method = function* (args, client) {
      yield* args.structureInputDescriptor!.retain();
      const [, command] = yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 64 });
      return (yield* command!.PrepareForDMA(0, args.structureInputDescriptor, 0, 0))[0];
    };
    const maps: Method = function* (args) {
      yield* args.structureInputDescriptor!.CreateMapping(0);
      return 0;
    };
    const ran = run({
      method: [keeps, maps],
      *app(app, connect) {
        const buffer = yield* app.mmap(2 * half);
        yield* app.memset(buffer, old, 2 * half);
        yield* app.IOConnectCallStructMethod(connect, 0, buffer + first * half, half);
        yield* app.IOConnectCallStructMethod(connect, 1, buffer + mapped * half, half);
      },
      machine: { storeWidth: 4 * KiB },
    });
    expect(mechanisms(ran)).toEqual([expected]);
  });

  test('an older copy that is still empty is used again', () => {
    const ran = run(play({ moves: ['call', 'map', 'call', 'map', 'write', 'look'] }));
    expect(mechanisms(ran)).toEqual(['delayed', 'reused']);
    expect(ran.result.looks).toEqual([old]);
  });

  test('an older copy that has pages is not: both keep what they have', () => {
    const ran = run(play({ moves: ['call', 'map', 'look', 'write', 'call', 'map', 'look'] }));
    expect(mechanisms(ran)).toEqual(['delayed', 'delayed']);
    expect(ran.result.looks).toEqual([old, fresh]);
  });
});

describe('what cannot damage it (§2.5 (4))', () => {
  test.each<{ what: string; moves: readonly Move[] }>([
    { what: 'snapshot, then wired for In', moves: ['call', 'map', 'wire in', 'device writes', 'look'] },
    {
      what: 'snapshot and looked at, then wired for In',
      moves: ['call', 'map', 'look', 'wire in', 'device writes', 'look'],
    },
    { what: 'wired for In, then snapshot', moves: ['call', 'wire in', 'map', 'device writes', 'look'] },
  ])('device writes: $what', ({ moves }) => {
    for (const ran of runs(() => play({ moves }), 3)) expect(ran.result.looks.at(-1)).toBe(old);
  });

  test('but device writes before the first mapping are in it', () => {
    const ran = run(play({ moves: ['call', 'wire in', 'device writes', 'map', 'look', 'write', 'look'] }));
    expect(ran.result.looks).toEqual([device, device]);
  });

  test('the device that reads by the same descriptor gets the live pages, not the snapshot', () => {
    const moves: Move[] = ['call', 'map', 'wire in', 'device writes', 'prepare', 'read', 'look'];
    const ran = run(play({ moves }));
    expect(readBy(ran.result, ran.deviceMemory)).toEqual([device]);
    expect(ran.result.looks).toEqual([old]);
  });
});

describe('writable snapshots: CreateMemoryDescriptorFromClient with In or InOut', () => {
  /** Two descriptors over the same two pages, mapped one after the other; the dext writes through one of the mappings. */
  function twoMappings(between: 'a write' | 'nothing', written: 0 | 1, direction = kIOMemoryDirectionInOut): number[] {
    const maps: IOMemoryMap[] = [];
    const maps2: Method = function* (args, client) {
      const range = { address: Number(args.scalarInput[0]), length: 32 * KiB };
      const [, memory] = yield* client.CreateMemoryDescriptorFromClient(direction, [range]);
      maps.push((yield* memory!.CreateMapping(0))[1]!);
      return 0;
    };
    const writes: Method = function* () {
      yield* store(maps[written]!.GetAddress(), Uint8Array.of(fresh));
      return 0;
    };
    const looks: Method = function* (args) {
      for (const [i, map] of maps.entries()) args.scalarOutput[i] = BigInt((yield* load(map.GetAddress(), 1))[0]!);
      return 0;
    };
    return run({
      method: [maps2, looks, writes],
      *app(app, connect) {
        const buffer = yield* app.mmap(32 * KiB);
        yield* app.memset(buffer, old, 1);
        yield* app.memset(buffer + 16 * KiB, old, 1);
        yield* app.IOConnectCallScalarMethod(connect, 0, [BigInt(buffer)]);
        // In the other page: the first snapshot is then not empty, and a second one is made.
        if (between === 'a write') yield* app.memset(buffer + 16 * KiB, fresh, 1);
        yield* app.IOConnectCallScalarMethod(connect, 0, [BigInt(buffer)]);
        yield* app.IOConnectCallScalarMethod(connect, 1, [], 2);
        yield* app.IOConnectCallScalarMethod(connect, 2, []);
        const [, seen] = yield* app.IOConnectCallScalarMethod(connect, 1, [], 2);
        return [...seen.map(Number), (yield* app.load(buffer, 1))[0]!];
      },
    }).result;
  }

  test.each(['nothing', 'a write'] as const)(
    'belong to their descriptor alone; between them the app writes %s',
    (between) => {
      expect(twoMappings(between, 0)).toEqual([fresh, old, old]);
      expect(twoMappings(between, 1)).toEqual([old, fresh, old]);
      expect(twoMappings(between, 1, kIOMemoryDirectionIn)).toEqual([old, fresh, old]);
    },
  );

  test('Out is read-only, so its snapshots can be shared', () => {
    const makes: Method = function* (args, client) {
      const range = { address: Number(args.scalarInput[0]), length: 32 * KiB };
      const [, memory] = yield* client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionOut, [range]);
      yield* memory!.CreateMapping(0);
      return 0;
    };
    const ran = run({
      method: makes,
      *app(app, connect) {
        const buffer = yield* app.mmap(32 * KiB);
        for (let i = 0; i < 2; i += 1) yield* app.IOConnectCallScalarMethod(connect, 0, [BigInt(buffer)]);
      },
    });
    expect(mechanisms(ran)).toEqual(['delayed', 'reused']);
  });
});
