/** facts §9: what the app can do to memory while it is wired for DMA, and who notices. */
import { describe, expect, test } from 'vitest';
import { KiB, type App, type MachineOptions, type Program } from '../../../index.ts';
import { complete, deviceReads, deviceWrites, fromDevice, keep, Keeper } from '../../support/keeper.ts';
import { run, type Ran } from '../../support/run.ts';

const size = 32 * KiB;
const pages = 2;
const mine = 0x11;

/** Runs the app against a {@link Keeper}. */
function withKeeper<R>(
  app: (app: App, tell: (selector: number, buffer?: number) => Program) => Program<R>,
  machine: Partial<MachineOptions> = {},
): Ran<R> & { statuses: string[] } {
  const keeper = new Keeper();
  const ran = run<R>({
    machine: { storeWidth: 1 * KiB, ...machine },
    method: keeper.methods,
    *app(lib, connect) {
      return yield* app(lib, function* (selector, buffer = 0) {
        yield* lib.IOConnectCallStructMethod(connect, selector, 0, 0, buffer, buffer === 0 ? 0 : size);
      });
    },
  });
  return { ...ran, statuses: keeper.statuses };
}

const wiredFrames = (ran: Ran<unknown>): Set<number> => new Set(ran.of('page.wire').map(({ frame }) => frame));

describe('free and malloc', () => {
  test('hand the same bytes to the next owner, and the device writes into them', () => {
    const ran = withKeeper(function* (app, tell) {
      const buffer = yield* app.malloc(size);
      yield* tell(keep, buffer);
      yield* app.free(buffer);
      const other = yield* app.malloc(size);
      yield* app.memset(other, mine, size);
      yield* tell(deviceWrites);
      return [other === buffer, (yield* app.load(other, 1))[0], (yield* app.load(other + 64, 1))[0]];
    });
    expect(ran.result).toEqual([true, fromDevice, mine]);
  });

  test('free alone changes no byte and unmaps nothing', () => {
    const ran = withKeeper(function* (app, tell) {
      const buffer = yield* app.malloc(size);
      yield* app.memset(buffer, mine, size);
      yield* tell(keep, buffer);
      yield* app.free(buffer);
      return (yield* app.load(buffer, 1))[0];
    });
    expect(ran.result).toBe(mine);
  });
});

describe.each<Partial<MachineOptions>>([{ mapper: 'dart' }, { mapper: 'vtd' }, { mapper: 'none' }])(
  'munmap during DMA, on %j',
  (machine) => {
    test('the device writes to orphan pages: it succeeds, and nobody ever sees it', () => {
      const ran = withKeeper(function* (app, tell) {
        const buffer = yield* app.mmap(size);
        yield* app.memset(buffer, mine, size);
        yield* tell(keep, buffer);
        yield* app.munmap(buffer, size);
        const again = yield* app.mmap(size, buffer);
        yield* app.memset(again, mine, size);
        yield* tell(deviceWrites);
        const seen = (yield* app.load(again, 1))[0];
        yield* tell(complete);
        return seen;
      }, machine);
      expect(ran.result).toBe(mine);
      expect(ran.statuses).toEqual(['ok']);
    });

    test('its frames are recycled after CompleteDMA, and not before', () => {
      const ran = withKeeper(function* (app, tell) {
        const buffer = yield* app.mmap(size);
        yield* tell(keep, buffer);
        yield* app.munmap(buffer, size);
        const before = yield* app.mmap(size);
        yield* app.memset(before, 1, size);
        yield* tell(complete);
        const after = yield* app.mmap(size);
        yield* app.memset(after, 1, size);
      }, machine);
      const wired = wiredFrames(ran);
      expect(wired.size).toBe(pages);
      const zeroed = ran.of('page.zero').map(({ frame }) => frame);
      const [own, before, after] = [zeroed.slice(0, pages), zeroed.slice(pages, 2 * pages), zeroed.slice(2 * pages)];
      expect(new Set(own)).toEqual(wired);
      expect(before.filter((frame) => wired.has(frame))).toEqual([]);
      expect(new Set(after)).toEqual(wired);
    });
  },
);

test('munmap during DMA: the device goes on reading the old contents', () => {
  const ran = withKeeper(
    function* (app, tell) {
      const buffer = yield* app.mmap(size);
      yield* app.memset(buffer, mine, size);
      yield* tell(keep, buffer);
      yield* app.munmap(buffer, size);
      yield* app.mmap(size, buffer);
      yield* app.memset(buffer, 0x22, size);
      yield* tell(deviceReads);
    },
    { mapper: 'none' },
  );
  expect(ran.statuses).toEqual(['ok']);
  expect(ran.deviceMemory[0]).toBe(mine);
});

describe('CompleteDMA before the device has stopped', () => {
  function* recycle(app: App, tell: (selector: number, buffer?: number) => Program): Program<number> {
    const buffer = yield* app.mmap(size);
    yield* tell(keep, buffer);
    yield* tell(complete);
    yield* app.munmap(buffer, size);
    // Takes over all frames of the first, the newest free one first.
    const victim = yield* app.mmap(size);
    yield* app.memset(victim, mine, size);
    yield* tell(deviceWrites);
    const seen = yield* app.read(victim, size);
    return seen.indexOf(fromDevice);
  }

  test('with an IOMMU, the device faults', () => {
    const ran = withKeeper(recycle, { mapper: 'dart' });
    expect(ran.of('dma.write').map(({ status }) => status)).toEqual(['iommu-fault']);
    expect(ran.result).toBe(-1);
  });

  test('without one, it writes into whatever has the page by now', () => {
    const ran = withKeeper(recycle, { mapper: 'none' });
    expect(ran.of('dma.write').map(({ status }) => status)).toEqual(['ok']);
    expect(ran.result % (16 * KiB)).toBe(0);
    expect(ran.result).toBeGreaterThanOrEqual(0);
  });
});
