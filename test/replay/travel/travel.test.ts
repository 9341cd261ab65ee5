import fc from 'fast-check';
import { describe, expect } from 'vitest';
import {
  nextTouching,
  open,
  parseTarget,
  previousTouching,
  record,
  touching,
  touchingBackwards,
  why,
  type Session,
} from '../../../index.ts';
import deviceToApp from '../../../examples/device-to-app.ts';
import lateWrite from '../../../examples/late-write.ts';
import { translationAt } from '../../../core/memory/translate.ts';
import { emptyWorld } from '../../../core/world.ts';
import { foldInto } from '../../../replay/fold.ts';
import { plans } from '../../support/plan.ts';
import { commandFor } from '../../support/dext.ts';
import { setupOf } from '../../support/planned.ts';
import { obey } from '../../support/probe.ts';
import { scenarioOf } from '../../support/run.ts';
import { test, type Folder } from '../../support-cli/folder.ts';

const recorded = (folder: Folder, scenario: Parameters<typeof record>[0]): Session =>
  open(record(scenario, { db: folder.at('my.db') }).session!);

describe('why', () => {
  test('a byte in the device came by a beat from an address, and who wrote it there', ({ folder }) => {
    const session = recorded(folder, lateWrite);
    const pieces = why(session, parseTarget('device:0x1000+128'));
    expect(pieces.map(({ address, bytes }) => [address, bytes])).toEqual([
      [0x1000, new Uint8Array(64).fill(0x55)],
      [0x1040, new Uint8Array(64).fill(0x55)],
    ]);
    for (const { way } of pieces) {
      expect(way.map(({ seq }) => session.event(seq).event.kind)).toEqual(['dma.read', 'memory.fill']);
      expect(way[1]!.actor).toBe('app:main');
    }
    session.close();
  });

  test('a byte that a snapshot keeps came by a page copy', ({ folder }) => {
    const session = recorded(folder, lateWrite);
    const [copy] = session.events({ kind: 'page.copy' });
    expect(copy!.event.kind).toBe('page.copy');
    const { frame } = copy!.event as { frame: number };
    const [piece] = why(session, parseTarget(`frame:${frame}+0+8`), copy!.seq);
    expect(piece!.bytes).toEqual(new Uint8Array(8).fill(0xaa));
    expect(piece!.way.map(({ seq }) => session.event(seq).event.kind)).toEqual(['page.copy', 'memory.fill']);
    session.close();
  });

  test('a byte that a device wrote came by a beat, which was posted, and made before', ({ folder }) => {
    const session = recorded(folder, deviceToApp);
    const beats = [...session.events({ kind: 'dma.write' })];
    const beat = beats.find(({ event }) => event.kind === 'dma.write' && event.length === 64)!;
    const world = session.fold(beat.seq + 1);
    const { address } = beat.event as { address: number };
    const frame = world.iommu.get(Math.floor(address / world.machine.pageSize))!.frame;
    const [piece] = why(session, parseTarget(`frame:${frame}+${address % world.machine.pageSize}+64`), beat.seq);
    const kinds = piece!.way.map(({ seq }) => session.event(seq).event.kind);
    expect(kinds.slice(0, 2)).toEqual(['dma.write', 'tlp.write']);
    expect(kinds.at(-1)).toMatch(/^device\./);
    session.close();
  });

  test('a byte that went through a bounce page came by two copies and a beat, or what its last user left', ({
    folder,
  }) => {
    const scenario = scenarioOf({
      machine: { mapper: 'none', pageSize: 4_096, storeWidth: 4_096 },
      *method(args, client) {
        for (const memory of [args.structureInputDescriptor, args.structureOutputDescriptor]) {
          const command = yield* commandFor({ client }, 32);
          const [, , , segments] = yield* command.PrepareForDMA(0, memory, 0, 0);
          const [first] = segments;
          const direction = memory === args.structureInputDescriptor ? 'read' : 'write';
          yield* obey(client.pci, { command: direction, address: first!.address, length: 64, local: 0 });
          yield* command.CompleteDMA(0);
        }
        return 0;
      },
      *app(app, connect) {
        const buffer = yield* app.mmap(16_384);
        yield* app.memset(buffer, 7, 8_192);
        yield* app.IOConnectCallMethod(connect, 0, [], buffer, 8_192, 0, buffer + 8_192, 8_192);
      },
    });
    const session = recorded(folder, scenario);
    // The output's first page comes back: the last copy but one.
    const [synced] = [...session.events({ kind: 'command.sync' })].slice(-2);
    const { memory } = synced!.event as { memory: number };
    const cameBy = (from: number): string[] => {
      const [piece] = why(session, parseTarget(`frame:${memory / 4_096}+${from}+8`), synced!.seq);
      expect(piece!.bytes).toEqual(new Uint8Array(8).fill(7));
      return piece!.way.map(({ seq }) => session.event(seq).event.kind);
    };
    const [out, beats] = [
      ['command.sync', 'memory.fill'],
      ['dma.write', 'tlp.write', 'dma.read'],
    ];
    expect(cameBy(0)).toEqual(['command.sync', ...beats, ...out]);
    expect(cameBy(64)).toEqual(['command.sync', 'page.take', ...out]);
    session.close();
  });

  test('a byte that was swapped out and in came by that, and by its store', ({ folder }) => {
    const scenario = scenarioOf({
      *app(app) {
        const block = yield* app.mmap(16 * 1_024);
        yield* app.memset(block, 7, 4);
        yield* app.reclaim();
        yield* app.load(block, 4);
      },
    });
    const session = recorded(folder, scenario);
    const [back] = session.events({ kind: 'page.swap-in' });
    const { frame } = back!.event as { frame: number };
    const [piece] = why(session, parseTarget(`frame:${frame}+0+4`), back!.seq);
    expect(piece!.bytes).toEqual(new Uint8Array(4).fill(7));
    expect(piece!.way.map(({ seq }) => session.event(seq).event.kind)).toEqual(['page.swap-in', 'memory.fill']);
    session.close();
  });

  test('says where there is nothing', ({ folder }) => {
    const session = recorded(folder, lateWrite);
    expect(() => why(session, parseTarget('app:0x10+4'))).toThrow('there are no bytes at app 0x10 (+4)');
    expect(() => parseTarget('somewhere')).toThrow('"somewhere" is no target');
    session.close();
  });
});

describe('events that touched a target', () => {
  test('are the same forwards, backwards, and one by one', ({ folder }) => {
    fc.assert(
      fc.property(plans, fc.nat(), (plan, target) => {
        const session = recorded(folder, scenarioOf(setupOf(plan)));
        const stores = [...session.events({ kind: 'memory.fill' }), ...session.events({ kind: 'memory.store' })];
        if (stores.length > 0) {
          const { event } = stores[target % stores.length]!;
          const { address } = event as { address: number };
          for (const where of [
            parseTarget(`app:${address}+4`),
            parseTarget('descriptor:#20'),
            parseTarget('device:0+64'),
          ]) {
            const seqs = [...touching(session, where)].map(({ seq }) => seq);
            expect([...touchingBackwards(session, where)].map(({ seq }) => seq)).toEqual(seqs.toReversed());
            const forward: number[] = [];
            for (let at = -1; ;) {
              const next = nextTouching(session, where, at);
              if (next === undefined) break;
              expect(previousTouching(session, where, next.seq)?.seq).toBe(forward.at(-1));
              forward.push(next.seq);
              at = next.seq;
            }
            expect(forward).toEqual(seqs);
          }
        }
        session.close();
      }),
      { seed: 1, numRuns: 3 },
    );
  });

  test('are all that changed its bytes', ({ folder }) => {
    const session = recorded(folder, lateWrite);
    const [block] = session.events({ kind: 'heap.allocate' });
    const { address } = block!.event as { address: number };
    const touched = new Set([...touching(session, parseTarget(`app:${address}+64`))].map(({ seq }) => seq));
    const world = emptyWorld();
    let before = '';
    for (const recordedEvent of session.events()) {
      foldInto(world, [recordedEvent], session.name);
      const task = [...world.tasks.values()].find(({ name }) => name === 'app');
      const frame = task === undefined ? undefined : translationAt(world, task.id, address)?.frame;
      const now =
        frame === undefined
          ? 'unmapped'
          : `${frame} ${Buffer.from(world.frames.get(frame)!.bytes.subarray(0, 64)).toString('hex')}`;
      if (now !== before && before !== '')
        expect(touched.has(recordedEvent.seq), `event ${recordedEvent.seq}`).toBe(true);
      before = now;
    }
    session.close();
  });
});

test('events come in reverse', ({ folder }) => {
  const session = recorded(folder, lateWrite);
  const forwards = [...session.events({ from: 10, to: 900 })];
  expect([...session.events({ from: 10, to: 900, reverse: true })]).toEqual(forwards.toReversed());
  const fills = [...session.events({ kind: 'memory.fill' })];
  expect([...session.events({ kind: 'memory.fill', reverse: true })]).toEqual(fills.toReversed());
  session.close();
});
