/** facts §9: what the app can do to memory while it is wired for DMA, and who notices. */
import { describe, expect, test } from 'vitest';
import {
  IODMACommand,
  kIOReturnCannotWire,
  KiB,
  type App,
  type IOMemoryDescriptor,
  type MachineOptions,
  type Program,
} from '../../../index.ts';
import { wires } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';
import { run, runs, type Ran, type Setup, type TestClient } from '../../support/run.ts';

const size = 32 * KiB;
const pages = 2;
const mine = 0x11;
const fromDevice = 0x77;

/** Selectors of {@link keeper}. */
const [keep, deviceWrites, deviceReads, complete] = [0, 1, 2, 3];

/** A dext that keeps a struct output prepared from one call to the next. */
class Keeper {
  memory!: IOMemoryDescriptor;
  command!: IODMACommand;
  address = 0;
  readonly statuses: string[] = [];

  readonly methods: NonNullable<Setup<unknown>['method']> = [
    (args, client) => this.keep(args.structureOutputDescriptor!, client),
    (_, client) => this.move('write', client),
    (_, client) => this.move('read', client),
    () => this.complete(),
  ];

  *keep(memory: IOMemoryDescriptor, { pci }: TestClient): Program<number> {
    yield* memory.retain();
    this.memory = memory;
    this.command = (yield* IODMACommand.Create(pci, 0, { maxAddressBits: 64 }))[1]!;
    const [code, , , segments] = yield* this.command.PrepareForDMA(0, memory, 0, 0);
    this.address = segments[0]!.address;
    return code;
  }

  *move(command: 'read' | 'write', { pci }: TestClient): Program<number> {
    if (command === 'write') yield* obey(pci, { command: 'fill', length: 64, count: fromDevice });
    this.statuses.push(yield* obey(pci, { command, address: this.address, length: 64 }));
    return 0;
  }

  *complete(): Program<number> {
    yield* this.command.CompleteDMA(0);
    yield* this.command.release();
    yield* this.memory.release();
    return 0;
  }
}

/** Runs the app against a {@link Keeper}. */
function withKeeper<R>(app: (app: App, tell: (selector: number, buffer?: number) => Program) => Program<R>, machine: Partial<MachineOptions> = {}): Ran<R> & { statuses: string[] } {
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

describe.each<Partial<MachineOptions>>([{ mapper: 'dart' }, { mapper: 'vtd' }, { mapper: 'none' }])('munmap during DMA, on %j', (machine) => {
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

  test('and the device goes on reading the old contents', () => {
    const ran = withKeeper(function* (app, tell) {
      const buffer = yield* app.mmap(size);
      yield* app.memset(buffer, mine, size);
      yield* tell(keep, buffer);
      yield* app.munmap(buffer, size);
      yield* app.mmap(size, buffer);
      yield* app.memset(buffer, 0x22, size);
      if (machine.mapper === 'dart') yield* tell(deviceReads);
    }, machine);
    // Write-only for a device that honours it: only a DART as reported lets the read through.
    if (machine.mapper === 'dart') expect(ran.deviceMemory[0]).toBe(mine);
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
});

describe('process exit during DMA', () => {
  /** The app passes memory and ends; `stop` runs in the dext's Stop. */
  function exit(stop: (keeper: Keeper, client: TestClient) => Program): { keeper: Keeper; setup: Setup<void> } {
    const keeper = new Keeper();
    const setup: Setup<void> = {
      method: keeper.methods,
      stop: (client) => stop(keeper, client),
      *app(app, connect) {
        const buffer = yield* app.mmap(size);
        yield* app.IOConnectCallStructMethod(connect, keep!, 0, 0, buffer, size);
      },
    };
    return { keeper, setup };
  }

  test('is not held up; the pages stay until the dext completes', () => {
    const { keeper, setup } = exit(function* (kept, client) {
      yield* kept.move('write', client);
      yield* kept.complete();
    });
    for (const ran of runs(() => setup)) {
      const order = ran.events.map(({ kind }) => kind).filter((kind) => ['task.exit', 'dma.write', 'page.unwire', 'vm.terminate'].includes(kind));
      expect(order[0]).toBe('task.exit');
      expect(order).toEqual(['task.exit', 'dma.write', ...Array.from({ length: pages }, () => 'page.unwire'), 'vm.terminate']);
      expect(wires(ran)).toEqual([]);
      expect(ran.world.frames.size).toBe(0);
    }
    expect(new Set(keeper.statuses)).toEqual(new Set(['ok']));
  });

  test('a dext that ignores Stop leaks them for ever', () => {
    const { setup } = exit(function* () {});
    const ran = run(setup);
    expect(wires(ran)).toEqual([1, 1]);
    expect(ran.world.frames.size).toBe(pages);
    expect(ran.world.iommu.size).toBe(pages);
  });

  test('a descriptor that was never resolved cannot be wired any more', () => {
    let memory: IOMemoryDescriptor;
    let code = 0;
    const ran = run({
      *method(args) {
        memory = args.structureInputDescriptor!;
        yield* memory.retain();
        return 0;
      },
      *stop({ pci }) {
        const [, command] = yield* IODMACommand.Create(pci, 0, { maxAddressBits: 64 });
        [code] = yield* command!.PrepareForDMA(0, memory, 0, 0);
      },
      *app(app, connect) {
        const buffer = yield* app.mmap(size);
        yield* app.IOConnectCallStructMethod(connect, 0, buffer, size);
      },
    });
    expect(code).toBe(kIOReturnCannotWire);
    expect(ran.of('page.wire')).toEqual([]);
  });
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
    expect(ran.statuses).toEqual(['iommu-fault']);
    expect(ran.result).toBe(-1);
  });

  test('without one, it writes into whatever has the page by now', () => {
    const ran = withKeeper(recycle, { mapper: 'none' });
    expect(ran.statuses).toEqual(['ok']);
    expect(ran.result % (16 * KiB)).toBe(0);
    expect(ran.result).toBeGreaterThanOrEqual(0);
  });
});
