/** facts §9 "a copy of the range through Mach or a pipe", §2.6: vm_copy, on write or at once. */
import { describe, expect, test } from 'vitest';
import {
  KERN_INVALID_ADDRESS,
  KERN_PROTECTION_FAILURE,
  kIOReturnSuccess,
  KiB,
  load,
  MAP_SHARED,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  type App,
  type IOMemoryMap,
  type Program,
} from '../../../index.ts';
import { violations } from '../../support/invariants.ts';
import { deviceReads, deviceWrites, fromDevice, keep, Keeper } from '../../support/keeper.ts';
import { run, runs, type Ran } from '../../support/run.ts';

const page = 16 * KiB;
/** Above what the kernel copies through a buffer. */
const size = 3 * page;

const first = function* (app: App, ...addresses: number[]): Program<(number | undefined)[]> {
  const seen: (number | undefined)[] = [];
  for (const address of addresses) seen.push((yield* app.load(address, 1))[0]);
  return seen;
};
const eager = (ran: Ran<unknown>): number => ran.of('page.copy').filter(({ reason }) => reason === 'eager').length;

describe('bytes', () => {
  test.each([
    ['whole pages', 0, 0, size],
    ['whole pages, few of them', 0, 0, page],
    ['an unaligned source', 5, 0, size],
    ['an unaligned destination', 0, 7, size],
    ['another offset in the page on either side', 5, 7, size - 11],
    ['a few bytes across a page border', page - 2, 3, 4],
  ])('%s arrive, and nothing else', (_what, from, to, length) => {
    for (const ran of runs(
      () => ({
        *app(app) {
          const source = yield* app.mmap(size + page);
          const target = yield* app.mmap(size + page);
          const bytes = Uint8Array.from({ length: size + page }, (_, i) => 1 + ((i * 7 + (i >> 8)) % 255));
          yield* app.write(source, bytes);
          yield* app.memset(target, 0, size + page);
          const code = yield* app.vm_copy(source + from, length, target + to);
          const got = yield* app.read(target, size + page);
          const expected = new Uint8Array(size + page);
          expected.set(bytes.subarray(from, from + length), to);
          return [code, Buffer.compare(got, expected)];
        },
      }),
      1,
    )) {
      expect(ran.result).toEqual([kIOReturnSuccess, 0]);
      expect(violations(ran.world)).toEqual([]);
      expect(ran.world.objects.size).toBe(0);
    }
  });

  test('are those of the moment: both sides go their own ways afterwards', () => {
    const ran = run({
      *app(app) {
        const source = yield* app.mmap(size);
        const target = yield* app.mmap(size);
        yield* app.memset(source, 1, 1);
        yield* app.vm_copy(source, size, target);
        yield* app.memset(source, 2, 1);
        yield* app.memset(target + page, 3, 1);
        return yield* first(app, source, target, source + page, target + page);
      },
    });
    expect(ran.result).toEqual([2, 1, 0, 3]);
    expect(eager(ran)).toBe(0);
    expect(ran.of('memory.copy')).toEqual([]);
  });

  test('0 of them are fine anywhere', () => {
    expect(run({ app: (app) => app.vm_copy(0, 0, 0) }).result).toBe(kIOReturnSuccess);
  });
});

describe('errors', () => {
  test.each([
    ['the source is not mapped', 'unmapped', 'rw', KERN_INVALID_ADDRESS],
    ['the source may not be read', 'none', 'rw', KERN_PROTECTION_FAILURE],
    ['the destination is not mapped', 'rw', 'unmapped', KERN_INVALID_ADDRESS],
    ['the destination may not be written', 'rw', 'read', KERN_PROTECTION_FAILURE],
    ['the source may be only read, which is enough', 'read', 'rw', kIOReturnSuccess],
  ] as const)('%s', (_what, from, to, code) => {
    const ran = run({
      *app(app) {
        const make = function* (how: 'unmapped' | 'none' | 'read' | 'rw'): Program<number> {
          const protection = { unmapped: PROT_NONE, none: PROT_NONE, read: PROT_READ, rw: PROT_READ | PROT_WRITE }[how];
          const at = yield* app.mmap(size + page, undefined, PROT_READ | PROT_WRITE);
          yield* app.mprotect(at + size - page, page, protection);
          if (how === 'unmapped') yield* app.munmap(at + size - page, page);
          return at;
        };
        return yield* app.vm_copy(yield* make(from), size, yield* make(to));
      },
    });
    expect(ran.result).toBe(code);
    expect(violations(ran.world)).toEqual([]);
    expect(ran.world.objects.size).toBe(0);
  });
});

describe('wired pages', () => {
  test('of the source are copied at once: what the device writes later is not in the copy', () => {
    const keeper = new Keeper();
    const ran = run({
      method: keeper.methods,
      *app(app, connect) {
        const source = yield* app.mmap(size);
        const target = yield* app.mmap(size);
        yield* app.memset(source, 1, size);
        yield* app.IOConnectCallStructMethod(connect, keep, 0, 0, source, size);
        yield* app.vm_copy(source, size, target);
        yield* app.IOConnectCallScalarMethod(connect, deviceWrites, []);
        return yield* first(app, source, target);
      },
    });
    expect(ran.result).toEqual([fromDevice, 1]);
    expect(eager(ran)).toBe(3);
  });

  test('of the destination stay: the device reads what was copied', () => {
    const keeper = new Keeper();
    const ran = run({
      method: keeper.methods,
      *app(app, connect) {
        const source = yield* app.mmap(size);
        const target = yield* app.mmap(size);
        yield* app.memset(source, 1, 64);
        yield* app.IOConnectCallStructMethod(connect, keep, 0, 0, target, size);
        yield* app.vm_copy(source, size, target);
        yield* app.IOConnectCallScalarMethod(connect, deviceReads, []);
        yield* app.IOConnectCallScalarMethod(connect, deviceWrites, []);
        return yield* first(app, source, target);
      },
    });
    expect(ran.deviceMemory[0]).toBe(fromDevice);
    expect(ran.result).toEqual([1, fromDevice]);
    expect(ran.of('memory.copy')).toHaveLength(3);
  });
});

describe('a destination that others see keeps its pages', () => {
  test('MAP_SHARED with a child', () => {
    const { result } = run(
      {
        *app(app) {
          const source = yield* app.mmap(size);
          const target = yield* app.mmap(size, undefined, PROT_READ | PROT_WRITE, MAP_SHARED);
          yield* app.memset(source + 8, 1, 1);
          const child = yield* app.fork('child', function* () {
            while ((yield* app.load(target + 8, 1))[0] === 0) yield* app.sleep(1000);
            yield* app.memset(target + 16, 2, 1);
          });
          yield* app.vm_copy(source, size, target);
          yield* app.waitpid(child);
          return yield* first(app, target + 16);
        },
      },
      { strategy: 'timed' },
    );
    expect(result).toEqual([2]);
  });

  test('a mapping of a struct output', () => {
    let map: IOMemoryMap;
    const { result } = run({
      method: [
        function* (args) {
          map = (yield* args.structureOutputDescriptor!.CreateMapping(0))[1]!;
          return 0;
        },
        function* (args) {
          args.scalarOutput[0] = BigInt((yield* load(map.GetAddress(), 1))[0]!);
          return 0;
        },
      ],
      *app(app, connect) {
        const source = yield* app.mmap(size);
        const target = yield* app.mmap(size);
        yield* app.memset(source, 5, 1);
        yield* app.IOConnectCallStructMethod(connect, 0, 0, 0, target, size);
        yield* app.vm_copy(source, size, target);
        return (yield* app.IOConnectCallScalarMethod(connect, 1, [], 1))[1];
      },
    });
    expect(result).toEqual([5n]);
  });

  test('but a snapshot that was taken of it stays as it was', () => {
    let map: IOMemoryMap;
    const { result } = run({
      method: [
        function* (args) {
          yield* args.structureInputDescriptor!.retain();
          map = (yield* args.structureInputDescriptor!.CreateMapping(0))[1]!;
          return 0;
        },
        function* (args) {
          args.scalarOutput[0] = BigInt((yield* load(map.GetAddress(), 1))[0]!);
          return 0;
        },
      ],
      *app(app, connect) {
        const source = yield* app.mmap(size);
        const target = yield* app.mmap(size);
        yield* app.memset(source, 5, 1);
        yield* app.memset(target, 4, 1);
        yield* app.IOConnectCallStructMethod(connect, 0, target, size);
        yield* app.vm_copy(source, size, target);
        const [, [shown]] = yield* app.IOConnectCallScalarMethod(connect, 1, [], 1);
        return [shown, ...(yield* first(app, target))];
      },
    });
    expect(result).toEqual([4n, 5]);
  });
});

test('a copy at once can be torn, one on write cannot (§2.6)', () => {
  /** What the copy has of two pages that another thread rewrites, one after the other. */
  const seen = (bytes: number): Set<string> => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 60; seed += 1) {
      const ran = run(
        {
          *app(app) {
            const source = yield* app.mmap(size);
            const target = yield* app.mmap(size);
            const thread = yield* app.pthread_create('writer', function* () {
              for (const offset of [0, page]) yield* app.memset(source + offset, 1, 1);
            });
            yield* app.vm_copy(source, bytes, target);
            yield* app.pthread_join(thread);
            return (yield* first(app, target, target + page)).join();
          },
        },
        { seed, strategy: 'random' },
      );
      expect(violations(ran.world)).toEqual([]);
      outcomes.add(ran.result);
    }
    return outcomes;
  };
  // The second page alone is new: it was written between the copies of the two.
  expect(seen(2 * page)).toContain('0,1');
  expect([...seen(3 * page)].toSorted()).toEqual(['0,0', '1,0', '1,1']);
});

test('the source may go while it is copied', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const ran = run(
      {
        *app(app) {
          const source = yield* app.mmap(2 * page);
          const target = yield* app.mmap(2 * page);
          yield* app.memset(source, 1, 1);
          const thread = yield* app.pthread_create('unmapper', () => app.munmap(source, 2 * page));
          const code = yield* app.vm_copy(source, 2 * page, target);
          yield* app.pthread_join(thread);
          return [code, (yield* first(app, target))[0]];
        },
      },
      { seed },
    );
    const [code, byte] = ran.result;
    expect(code === kIOReturnSuccess ? byte === 1 : code === KERN_INVALID_ADDRESS && byte === 0).toBe(true);
    expect(violations(ran.world)).toEqual([]);
    expect(ran.world.objects.size).toBe(0);
  }
});
