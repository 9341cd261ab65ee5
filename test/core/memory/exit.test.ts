/** facts §9 "process exit / kill", §3.6: memory that is wired for DMA outlives its process. */
import { describe, expect, test } from 'vitest';
import { IODMACommand, kIOReturnCannotWire, KiB, type IOMemoryDescriptor, type Program } from '../../../index.ts';
import { wires } from '../../support/dext.ts';
import { keep, Keeper } from '../../support/keeper.ts';
import { run, runs, type Setup, type TestClient } from '../../support/run.ts';

const size = 32 * KiB;
const pages = 2;

describe('process exit during DMA', () => {
  /** The app passes memory and ends; `stop` runs in the dext's Stop. */
  function exit(stop: (keeper: Keeper, client: TestClient) => Program): { keeper: Keeper; setup: Setup<void> } {
    const keeper = new Keeper();
    const setup: Setup<void> = {
      method: keeper.methods,
      stop: (client) => stop(keeper, client),
      *app(app, connect) {
        const buffer = yield* app.mmap(size);
        yield* app.IOConnectCallStructMethod(connect, keep, 0, 0, buffer, size);
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
      const order = ran.events
        .map(({ kind }) => kind)
        .filter((kind) => ['task.exit', 'dma.write', 'page.unwire', 'vm.terminate'].includes(kind));
      expect(order[0]).toBe('task.exit');
      expect(order).toEqual([
        'task.exit',
        'dma.write',
        ...Array.from({ length: pages }, () => 'page.unwire'),
        'vm.terminate',
      ]);
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
    // The user client still holds the task (§3.6).
    expect(ran.of('unspecified')).toEqual([]);
  });

  test('used after the user client has stopped, it names a task that nothing keeps (§2.2, §10 (31))', () => {
    let memory: IOMemoryDescriptor;
    let code = 0;
    const ran = run({
      *method(args) {
        memory = args.structureInputDescriptor!;
        yield* memory.retain();
        return 0;
      },
      *afterStop({ pci }) {
        const [, command] = yield* IODMACommand.Create(pci, 0, { maxAddressBits: 64 });
        [code] = yield* command!.PrepareForDMA(0, memory, 0, 0);
      },
      *app(app, connect) {
        const buffer = yield* app.mmap(size);
        yield* app.IOConnectCallStructMethod(connect, 0, buffer, size);
      },
    });
    expect(code).toBe(kIOReturnCannotWire);
    expect(ran.of('unspecified')).toHaveLength(1);
  });
});
