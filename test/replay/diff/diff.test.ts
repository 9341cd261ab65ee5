import { describe, expect } from 'vitest';
import { diff, open, record, type App, type Diff, type Program, type Scenario } from '../../../index.ts';
import lateWrite from '../../../examples/late-write.ts';
import lateWriteRace from '../../../examples/late-write-race.ts';
import { scenarioOf } from '../../support/run.ts';
import { test, type Folder } from '../../support-cli/folder.ts';

/** The diff of two recordings. */
function compared(folder: Folder, a: [Scenario, object], b: [Scenario, object]): Diff {
  const db = folder.at('my.db');
  const sessions = [a, b].map(([of, options]) => open(record(of, { db, ...options }).session!));
  const found = diff(sessions[0]!, sessions[1]!);
  for (const session of sessions) session.close();
  return found;
}

const app = (main: (app: App) => Program<unknown>): Scenario => scenarioOf({ app: (of) => main(of) });

describe('the same behaviour under another schedule', () => {
  test('is the same, whichever engine did the work and whatever numbers things got', ({ folder }) => {
    const found = compared(folder, [lateWrite, { seed: 1 }], [lateWrite, { seed: 7 }]);
    expect(found.result).toBe('reordered');
    expect(found.operations).toMatchObject({ onlyA: 0, onlyB: 0, changed: 0, saw: 0 });
    expect(found.operations.moved).toBeGreaterThan(100);
    expect(found.data.bytes).toBe(0);
    expect(found.parting).toBeDefined();
  });

  test('is the same when threads allocate in another order', ({ folder }) => {
    const two = app(function* (of) {
      const worker = function* (value: number): Program {
        const block = yield* of.malloc(40_000);
        yield* of.memset(block, value, 256);
        const mutex = yield* of.pthread_mutex_init();
        yield* of.pthread_mutex_lock(mutex);
        yield* of.pthread_mutex_unlock(mutex);
      };
      const threads = [
        yield* of.pthread_create('one', () => worker(1)),
        yield* of.pthread_create('two', () => worker(2)),
      ];
      for (const thread of threads) yield* of.pthread_join(thread);
    });
    const places = new Set<string>();
    for (let seed = 2; seed < 12; seed += 1) {
      const found = compared(folder, [two, { seed: 1 }], [two, { seed }]);
      expect(found.result).toBe('reordered');
      places.add(found.digests.b);
    }
    expect(places.size).toBe(10);
  });
});

describe('memory that was swapped out', () => {
  test('and came back, or not, at other times, is the same', ({ folder }) => {
    const pressed = app(function* (of) {
      const block = yield* of.mmap(64 * 1_024);
      yield* of.memset(block, 7, 256);
      const writer = function* (): Program {
        yield* of.memset(block + 32 * 1_024, 8, 512);
      };
      const presser = function* (): Program {
        yield* of.reclaim();
      };
      const threads = [yield* of.pthread_create('one', writer), yield* of.pthread_create('two', presser)];
      for (const thread of threads) yield* of.pthread_join(thread);
    });
    const counts = new Set<string>();
    for (let seed = 2; seed < 8; seed += 1) {
      const found = compared(folder, [pressed, { seed: 1 }], [pressed, { seed }]);
      expect(found.result).toBe('reordered');
      counts.add(JSON.stringify(found.consequences.map(({ what, count }) => [what, count])));
    }
    expect(counts.size).toBeGreaterThan(1);
  });
});

describe('a race that went the other way', () => {
  test('is told by its pairs, by what the device got, and by the stores and beats that brought it', ({ folder }) => {
    const found = compared(folder, [lateWriteRace, { seed: 1 }], [lateWriteRace, { seed: 3 }]);
    expect(found.result).toBe('different');
    const { onlyA, onlyB, changed, saw } = found.operations;
    expect({ onlyA, onlyB, changed }).toEqual({ onlyA: 0, onlyB: 0, changed: 0 });
    // Each beat that a store overtook here and not there leaves its 64 bytes different.
    expect(saw).toBeGreaterThan(0);
    expect(found.data.bytes).toBe(64 * saw);
    const onBytes = found.pairs.filter(({ matter }) => matter === 'frame');
    expect(onBytes.reduce((sum, { count }) => sum + count.a, 0)).toBe(saw);
    for (const { actors, first } of onBytes) {
      expect(actors.toSorted()[0]).toBe('app:main');
      expect(first.b.map(({ text }) => text)).toEqual(first.a.map(({ text }) => text).toReversed());
    }
    for (const { where, brought } of found.data.groups) {
      expect(where.a).toMatch(/^sg 0x/);
      for (const [beat, store, ...rest] of [brought.a, brought.b]) {
        expect(beat!.text).toMatch(/^DMA read of 64 bytes/);
        expect(store!.text).toMatch(/^fill 64 bytes at 0x\w+ with 0x(aa|55)$/);
        expect(rest).toEqual([]);
      }
      expect(brought.a[1]!.text).not.toBe(brought.b[1]!.text);
    }
    expect([...found.findings.a, ...found.findings.b].map(({ rule }) => rule)).toContain('check');
  });

  test('between two threads is told by the bytes, named by their block', ({ folder }) => {
    const racing = app(function* (of) {
      const block = yield* of.malloc(64);
      const writer = function* (value: number): Program {
        yield* of.memset(block + 8, value, 16);
      };
      const threads = [
        yield* of.pthread_create('one', () => writer(1)),
        yield* of.pthread_create('two', () => writer(2)),
      ];
      for (const thread of threads) yield* of.pthread_join(thread);
      return (yield* of.load(block, 64))[8];
    });
    const runs = Array.from({ length: 10 }, (_, seed) => record(racing, { seed }).result);
    const found = compared(folder, [racing, { seed: runs.indexOf(1) }], [racing, { seed: runs.indexOf(2) }]);
    expect(found.pairs.filter(({ matter }) => matter === 'frame')).toMatchObject([
      { actors: ['app:main/app:two', 'app:main/app:one'], count: { a: 1, b: 1 } },
    ]);
    expect(found.results).toEqual({ a: '1', b: '2' });
    expect(found.data.groups).toMatchObject([
      {
        length: 16,
        what: { a: expect.stringMatching(/^block of 64 bytes that app:main allocated/) as string },
        bytes: { a: new Uint8Array(16).fill(1), b: new Uint8Array(16).fill(2) },
        brought: { a: [{ actor: 'app:main/app:one' }], b: [{ actor: 'app:main/app:two' }] },
      },
    ]);
  });
});

describe('two versions of a scenario', () => {
  const version = (extra: (of: App) => Program, value = 7): Scenario =>
    app(function* (of) {
      const first = yield* of.malloc(64);
      yield* of.memset(first, 1, 64);
      yield* extra(of);
      const second = yield* of.malloc(40_000);
      yield* of.memset(second, value, 2_048);
      const port = yield* of.IONotificationPortCreate();
      yield* of.mach_msg_receive(port, 1_000);
      return port;
    });
  const nothing = function* (): Program {};

  test('differ in what was put in, and not in what comes after', ({ folder }) => {
    const longer = version(function* (of) {
      const more = yield* of.malloc(50_000);
      yield* of.memset(more, 9, 128);
      yield* of.free(more);
      yield* of.IONotificationPortCreate();
    });
    const found = compared(folder, [version(nothing), {}], [longer, {}]);
    // Two events to map the block, one to allocate it, two fills, the free, the port. In the end there is more to unmap.
    expect(found.operations).toMatchObject({ onlyA: 0, onlyB: 7, changed: 1, saw: 0 });
    expect(found.operations.groups).toMatchObject([
      { kind: 'only-b', count: 7 },
      { kind: 'changed', first: { a: { text: expect.stringContaining('unmap') as string } } },
    ]);
    expect(found.data.bytes).toBe(0);

    const back = compared(folder, [longer, {}], [version(nothing), {}]);
    expect(back.operations).toMatchObject({ onlyA: 7, onlyB: 0, changed: 1, saw: 0 });
  });

  test('differ in what is done otherwise', ({ folder }) => {
    const found = compared(folder, [version(nothing), {}], [version(nothing, 8), {}]);
    expect(found.operations).toMatchObject({ onlyA: 0, onlyB: 0, changed: 32, groups: [{ kind: 'changed' }] });
    expect(found.data.groups).toMatchObject([
      { length: 2_048, pieces: 32, what: { a: expect.stringContaining('40000') as string } },
    ]);
  });
});
