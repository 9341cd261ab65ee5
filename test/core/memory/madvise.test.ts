/** facts §9 "madvise(FREE)": no effect on wired pages; others may be dropped under memory pressure, and are zero then. */
import { describe, expect, test } from 'vitest';
import {
  EINVAL,
  KiB,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_NORMAL,
  MADV_WILLNEED,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  type App,
  type IODMACommand,
  type Program,
} from '../../../index.ts';
import { commandFor } from '../../support/dext.ts';
import { violations } from '../../support/invariants.ts';
import { complete, deviceWrites, fromDevice, keep, Keeper } from '../../support/keeper.ts';
import { obey } from '../../support/probe.ts';
import { run, runAnyhow, runs } from '../../support/run.ts';

const page = 16 * KiB;
const size = 2 * page;

/** Two pages with 7 in each, given up; then what the body does, then memory pressure; the first byte of each page. */
function freed(body: (app: App, at: number) => Program = function* () {}, advice = MADV_FREE): (number | undefined)[] {
  const ran = run({
    *app(app) {
      const at = yield* app.mmap(size);
      yield* app.memset(at, 7, 1);
      yield* app.memset(at + page, 7, 1);
      yield* app.madvise(at, size, advice);
      yield* body(app, at);
      yield* app.reclaim();
      return [(yield* app.load(at, 1))[0], (yield* app.load(at + page, 1))[0]];
    },
  });
  expect(violations(ran.world)).toEqual([]);
  return ran.result;
}

describe('MADV_FREE', () => {
  test('pages are zero after memory pressure', () => {
    expect(freed()).toEqual([0, 0]);
  });

  test('without it nothing changes, and a page that is only read is dropped all the same', () => {
    const seen: (number | undefined)[] = [];
    const after = freed(function* (app, at) {
      seen.push((yield* app.load(at, 1))[0]);
    });
    expect([seen, after]).toEqual([[7], [0, 0]]);
  });

  test('a page that is written meanwhile stays, with all its bytes', () => {
    const after = freed(function* (app, at) {
      yield* app.memset(at + 1, 8, 1);
    });
    expect(after).toEqual([7, 0]);
  });

  test('of a page that is swapped out: its contents are gone at once', () => {
    const { result } = run({
      *app(app) {
        const at = yield* app.mmap(page);
        yield* app.memset(at, 7, 1);
        yield* app.reclaim();
        yield* app.madvise(at, page, MADV_FREE);
        return (yield* app.load(at, 1))[0];
      },
    });
    expect(result).toBe(0);
  });

  test('takes whole pages: those of an unaligned range, with the neighbours in them', () => {
    const { result } = run({
      *app(app) {
        const at = yield* app.mmap(size);
        yield* app.memset(at, 7, 1);
        yield* app.memset(at + page, 7, 1);
        yield* app.madvise(at + 100, 8, MADV_FREE);
        yield* app.reclaim();
        return [(yield* app.load(at, 1))[0], (yield* app.load(at + page, 1))[0]];
      },
    });
    expect(result).toEqual([0, 7]);
  });

  test('a copy on write keeps the page, for both (VMM:20995-21008)', () => {
    const { result } = run(
      {
        *app(app) {
          const at = yield* app.mmap(size);
          const box = yield* app.mmap(8, undefined, PROT_READ | PROT_WRITE, MAP_SHARED);
          yield* app.memset(at, 7, 1);
          const child = yield* app.fork('child', function* () {
            while ((yield* app.atomic_load(box)) === 0n) yield* app.sleep(1000);
            yield* app.store(box + 4, yield* app.load(at, 1));
          });
          yield* app.madvise(at, size, MADV_FREE);
          yield* app.reclaim();
          yield* app.atomic_store(box, 1n);
          yield* app.waitpid(child);
          return [(yield* app.load(at, 1))[0], (yield* app.load(box + 4, 1))[0]];
        },
      },
      { strategy: 'timed' },
    );
    expect(result).toEqual([7, 7]);
  });

  test('up to a hole, then EINVAL', () => {
    const { result } = run({
      *app(app) {
        const at = yield* app.mmap(3 * page);
        for (const offset of [0, 2 * page]) yield* app.memset(at + offset, 7, 1);
        yield* app.munmap(at + page, page);
        const code = yield* app.madvise(at, 3 * page, MADV_FREE);
        yield* app.reclaim();
        return [code, (yield* app.load(at, 1))[0], (yield* app.load(at + 2 * page, 1))[0]];
      },
    });
    expect(result).toEqual([EINVAL, 0, 7]);
  });

  test('under every schedule a page is dropped whole, or kept whole', () => {
    const outcomes = new Set<string>();
    for (const ran of runs(() => ({
      *app(app) {
        const at = yield* app.mmap(page);
        yield* app.memset(at, 7, 2);
        yield* app.madvise(at, page, MADV_FREE);
        const thread = yield* app.pthread_create('pressure', () => app.reclaim());
        yield* app.memset(at, 8, 1);
        yield* app.pthread_join(thread);
        return [...(yield* app.load(at, 2))].join();
      },
    }))) {
      expect(violations(ran.world)).toEqual([]);
      outcomes.add(ran.result);
    }
    expect([...outcomes].toSorted()).toEqual(['8,0', '8,7']);
  });
});

test.each([MADV_NORMAL, MADV_WILLNEED, MADV_DONTNEED])('advice %i changes no byte', (advice) => {
  expect(freed(undefined, advice)).toEqual([7, 7]);
});

test('over a hole any advice is EINVAL', () => {
  const { result } = run({
    *app(app) {
      return yield* app.madvise(0x5000_0000, page, MADV_WILLNEED);
    },
  });
  expect(result).toBe(EINVAL);
});

test('another advice is no part of the model', () => {
  const { findings } = runAnyhow({
    *app(app) {
      yield* app.madvise(0x5000_0000, page, 11);
    },
  });
  expect(findings[0]!.message).toContain('madvise: advice 11 is not modelled');
});

describe('wired pages', () => {
  test('are not touched, and what a device has written stays after CompleteDMA', () => {
    const keeper = new Keeper();
    const ran = run({
      method: keeper.methods,
      *app(app, connect) {
        const at = yield* app.mmap(size);
        yield* app.IOConnectCallStructMethod(connect, keep, 0, 0, at, size);
        yield* app.madvise(at, size, MADV_FREE);
        yield* app.IOConnectCallScalarMethod(connect, deviceWrites, []);
        yield* app.reclaim();
        yield* app.IOConnectCallScalarMethod(connect, complete, []);
        yield* app.reclaim();
        return (yield* app.load(at, 1))[0];
      },
    });
    expect(ran.result).toBe(fromDevice);
    expect(ran.of('page.free')).toEqual([]);
  });

  test.each([
    ['In: the wire marks them dirty, so they stay', 'In', fromDevice],
    ['Out: it does not (§4.3), so what a DART lets through is lost', 'Out', 0],
  ])('given up before they were wired %s', (_what, direction, expected) => {
    let command: IODMACommand;
    const ran = run({
      method: [
        function* (args, client) {
          const memory = args.structureInputDescriptor ?? args.structureOutputDescriptor;
          command = yield* commandFor({ client });
          const [code, , , segments] = yield* command.PrepareForDMA(0, memory, 0, 0);
          yield* obey(client.pci, { command: 'fill', length: 64, count: fromDevice });
          yield* obey(client.pci, { command: 'write', address: segments[0]!.address, length: 64 });
          yield* command.CompleteDMA(0);
          return code;
        },
      ],
      *app(app, connect) {
        const at = yield* app.mmap(size);
        yield* app.memset(at, 7, 1);
        yield* app.madvise(at, size, MADV_FREE);
        const [input, output] = direction === 'Out' ? [size, 0] : [0, size];
        yield* app.IOConnectCallStructMethod(connect, 0, at, input, at, output);
        yield* app.reclaim();
        return (yield* app.load(at, 1))[0];
      },
    });
    expect(ran.result).toBe(expected);
  });
});
