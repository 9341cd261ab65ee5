/** facts §9 "swap-out / compression": memory pressure takes what is not wired, and nothing changes for whoever looks. */
import { expect, test } from 'vitest';
import { KiB, type IOMemoryMap } from '../../../index.ts';
import { load } from '../../../index.ts';
import { deviceWrites, fromDevice, keep, Keeper } from '../../support/keeper.ts';
import { run } from '../../support/run.ts';

const page = 16 * KiB;
const size = 2 * page;

test('a page comes back with its bytes, in another frame perhaps', () => {
  const ran = run({
    *app(app) {
      const at = yield* app.mmap(size);
      yield* app.memset(at, 7, 1);
      yield* app.memset(at + page, 8, 1);
      const taken = yield* app.reclaim();
      return [taken, (yield* app.load(at, 1))[0], (yield* app.load(at + page, 1))[0]];
    },
  });
  expect(ran.result).toEqual([2, 7, 8]);
  expect(ran.of('page.swap-in')).toHaveLength(2);
});

test('wired pages stay: the device goes on with them', () => {
  const keeper = new Keeper();
  const ran = run({
    method: keeper.methods,
    *app(app, connect) {
      const at = yield* app.mmap(size);
      yield* app.IOConnectCallStructMethod(connect, keep, 0, 0, at, size);
      const taken = yield* app.reclaim();
      yield* app.IOConnectCallScalarMethod(connect, deviceWrites, []);
      return [taken, (yield* app.load(at, 1))[0]];
    },
  });
  expect(ran.result).toEqual([0, fromDevice]);
});

test('a page that is out is brought in to be wired', () => {
  const keeper = new Keeper();
  const ran = run({
    method: keeper.methods,
    *app(app, connect) {
      const at = yield* app.mmap(size);
      yield* app.memset(at + 1, 9, 1);
      yield* app.reclaim();
      yield* app.IOConnectCallStructMethod(connect, keep, 0, 0, at, size);
      return (yield* app.load(at + 1, 1))[0];
    },
  });
  expect(ran.result).toBe(9);
  expect(ran.of('page.swap-in')).toHaveLength(1);
});

test('a snapshot shows the same from swap as from memory', () => {
  let map: IOMemoryMap;
  const seen: (number | undefined)[] = [];
  run({
    method: [
      function* (args) {
        yield* args.structureInputDescriptor!.retain();
        map = (yield* args.structureInputDescriptor!.CreateMapping(0))[1]!;
        return 0;
      },
      function* () {
        seen.push((yield* load(map.GetAddress(), 1))[0]);
        return 0;
      },
    ],
    *app(app, connect) {
      const at = yield* app.mmap(size);
      yield* app.memset(at, 1, 1);
      yield* app.IOConnectCallStructMethod(connect, 0, at, size);
      yield* app.reclaim();
      yield* app.memset(at, 2, 1);
      yield* app.reclaim();
      yield* app.IOConnectCallScalarMethod(connect, 1, []);
      yield* app.memset(at, 3, 1);
      seen.push((yield* app.load(at, 1))[0]);
    },
  });
  expect(seen).toEqual([1, 3]);
});
