/** facts §9 "fork", §10 (47): a child gets a copy, of wired pages at once; shared memory is one for both. */
import { expect, test } from 'vitest';
import {
  IODMACommand,
  KiB,
  load,
  MACH_SEND_INVALID_DEST,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  type App,
  type IOMemoryMap,
  type Program,
} from '../../../index.ts';
import { violations } from '../../support/invariants.ts';
import { deviceWrites, fromDevice, keep, Keeper } from '../../support/keeper.ts';
import { obey } from '../../support/probe.ts';
import { run, runs } from '../../support/run.ts';

const page = 16 * KiB;
const size = 2 * page;

/** Memory that parent and child share. */
function* shared(app: App): Program<number> {
  return yield* app.mmap(page, undefined, PROT_READ | PROT_WRITE, MAP_SHARED);
}

test('private memory is copied on write, both ways', () => {
  for (const ran of runs(
    () => ({
      *app(app) {
        const at = yield* app.mmap(size);
        const back = yield* shared(app);
        yield* app.memset(at, 1, 1);
        const child = yield* app.fork('child', function* () {
          yield* app.memset(at + page, 2, 1);
          yield* app.store(back, yield* app.load(at, 1));
        });
        yield* app.memset(at, 3, 1);
        yield* app.waitpid(child);
        const seen: number[] = [];
        for (const address of [at, at + page, back]) seen.push((yield* app.load(address, 1))[0]!);
        return seen;
      },
    }),
    4,
  )) {
    expect(ran.result).toEqual([3, 0, 1]);
    expect(ran.of('page.copy').map(({ reason }) => reason)).not.toContain('eager');
    expect(violations(ran.world)).toEqual([]);
    expect(ran.world.frames.size).toBe(0);
  }
});

test('a wired range is copied at once; the parent keeps the pages that the device writes', () => {
  const keeper = new Keeper();
  const ran = run({
    method: keeper.methods,
    *app(app, connect) {
      const at = yield* app.mmap(size);
      const back = yield* shared(app);
      yield* app.memset(at, 1, 1);
      yield* app.IOConnectCallStructMethod(connect, keep, 0, 0, at, size);
      const child = yield* app.fork('child', function* () {
        yield* app.atomic_store(back + 8, 1n);
        while ((yield* app.atomic_load(back + 12)) === 0n);
        yield* app.store(back, yield* app.load(at, 1));
      });
      while ((yield* app.atomic_load(back + 8)) === 0n);
      yield* app.IOConnectCallScalarMethod(connect, deviceWrites, []);
      yield* app.atomic_store(back + 12, 1n);
      yield* app.waitpid(child);
      return [(yield* app.load(at, 1))[0], (yield* app.load(back, 1))[0]];
    },
  });
  expect(ran.result).toEqual([fromDevice, 1]);
  expect(ran.of('page.copy').map(({ reason }) => reason)).toEqual(['eager', 'eager']);
});

test('the child has the heap, but no connections', () => {
  const { result } = run({
    *app(app, connect) {
      const block = yield* app.malloc(100);
      const back = yield* shared(app);
      const child = yield* app.fork('child', function* () {
        yield* app.free(block);
        const again = yield* app.malloc(100);
        const [code] = yield* app.IOConnectCallScalarMethod(connect, 0, []);
        yield* app.store64(back, BigInt(code) + (again === block ? 0n : 1n));
      });
      yield* app.waitpid(child);
      yield* app.free(block);
      return Number(yield* app.load64(back));
    },
  });
  expect(result).toBe(MACH_SEND_INVALID_DEST);
});

test('threads of the child are its own', () => {
  const { result } = run({
    *app(app) {
      const back = yield* shared(app);
      const child = yield* app.fork('child', function* () {
        const thread = yield* app.pthread_create('second', () => app.memset(back, 7, 1));
        yield* app.pthread_join(thread);
      });
      yield* app.waitpid(child);
      return (yield* app.load(back, 1))[0];
    },
  });
  expect(result).toBe(7);
});

test('shared memory: the device reads what the other process writes, the snapshot does not show it (§10 (47))', () => {
  let bus = 0;
  let map: IOMemoryMap;
  let shown: number | undefined;
  const ran = run({
    *method(args, client) {
      const memory = args.structureInputDescriptor!;
      yield* memory.retain();
      map = (yield* memory.CreateMapping(0))[1]!;
      const [, command] = yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 64 });
      const [, , , segments] = yield* command!.PrepareForDMA(0, memory, 0, 0);
      bus = segments[0]!.address;
      return 0;
    },
    *app(app, connect) {
      const at = yield* app.mmap(size, undefined, PROT_READ | PROT_WRITE, MAP_SHARED);
      yield* app.memset(at, 1, 1);
      const child = yield* app.fork('child', function* () {
        while ((yield* app.atomic_load(at + page)) === 0n);
        yield* app.memset(at, 9, 1);
      });
      yield* app.IOConnectCallStructMethod(connect, 0, at, size);
      yield* app.atomic_store(at + page, 1n);
      yield* app.waitpid(child);
      return (yield* app.load(at, 1))[0];
    },
    *stop(client) {
      shown = (yield* load(map.GetAddress(), 1))[0];
      yield* obey(client.pci, { command: 'read', address: bus, length: 1 });
    },
  });
  expect([ran.result, shown, ran.deviceMemory[0]]).toEqual([9, 1, 9]);
});

test('a copy on write that is pending is made before a device can write (§2.5 (1), (4)): the child keeps the old bytes', () => {
  const keeper = new Keeper();
  const ran = run(
    {
      method: keeper.methods,
      *app(app, connect) {
        const at = yield* app.mmap(size);
        const back = yield* shared(app);
        yield* app.memset(at, 1, 1);
        const child = yield* app.fork('child', function* () {
          while ((yield* app.load(back + 4, 1))[0] === 0) yield* app.sleep(1000);
          yield* app.store(back, yield* app.load(at, 1));
        });
        yield* app.IOConnectCallStructMethod(connect, keep, 0, 0, at, size);
        yield* app.IOConnectCallScalarMethod(connect, deviceWrites, []);
        yield* app.memset(back + 4, 1, 1);
        yield* app.waitpid(child);
        return [(yield* app.load(at, 1))[0], (yield* app.load(back, 1))[0]];
      },
    },
    { strategy: 'timed' },
  );
  expect(ran.result).toEqual([fromDevice, 1]);
});
