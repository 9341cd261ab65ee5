/** facts §7.2, §7.3: interrupts coalesce, wait for their queue, and need bus lead; so does all DMA. */
import { describe, expect, test } from 'vitest';
import {
  IODispatchQueue,
  IOInterruptDispatchSource,
  kIOPCICommandBusLead,
  kIOPCICommandMemorySpace,
  kIOPCIConfigurationOffsetCommand,
  kIOServiceDefaultQueueName,
  KiB,
  type Program,
} from '../../../index.ts';
import { inDext, prepared } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';
import { run, runs, type Setup, type TestClient } from '../../support/run.ts';

interface Heard {
  readonly counts: number[];
  readonly times: number[];
}

type Steps = (client: TestClient, source: IOInterruptDispatchSource, queue: IODispatchQueue, heard: Heard) => Program;

/** An external method that has an interrupt source, not yet enabled, on a queue of its own; the result is what its handler heard. */
function listening(steps: Steps, handler = true): Setup<Heard> {
  const heard: Heard = { counts: [], times: [] };
  return {
    *method(_, client) {
      const [, queue] = yield* IODispatchQueue.Create('interrupts');
      const [, source] = yield* IOInterruptDispatchSource.Create(client.pci, 0, queue);
      if (handler) yield* source.SetHandler(listener(heard));
      yield* steps(client, source, queue, heard);
      // Whatever is on the queue is done before this.
      yield* queue.DispatchSync(function* () {});
      return 0;
    },
    *app(app, connect) {
      yield* app.IOConnectCallStructMethod(connect, 0, 0, 0);
      return heard;
    },
  };
}

function listener(heard: Heard): (count: number, time: number) => Program {
  return function* (count, time) {
    heard.counts.push(count);
    heard.times.push(time);
  };
}

const send = (client: TestClient, count: number): Program<string> => obey(client.pci, { command: 'interrupt', count });
const total = ({ counts }: Heard): number => counts.reduce((sum, count) => sum + count, 0);

describe('coalescing', () => {
  test('interrupts while the queue is busy are one callback, with their number and the time of the last', () => {
    for (const ran of runs(() =>
      listening(function* (client, source, queue) {
        yield* source.SetEnable(true);
        yield* queue.DispatchSync(function* () {
          yield* send(client, 3);
        });
      }),
    )) {
      expect(ran.result.counts).toEqual([3]);
      expect(ran.of('msi')).toHaveLength(3);
      expect(ran.of('source.queue')).toHaveLength(1);
    }
  });

  test('the time is that of the last interrupt', () => {
    const ran = run(
      listening(function* (client, source, queue) {
        yield* source.SetEnable(true);
        yield* queue.DispatchSync(function* () {
          yield* send(client, 3);
        });
      }),
      { strategy: 'timed' },
    );
    const ticks = ran.log.flatMap(({ event, tick }) => (event.kind === 'msi' ? [tick] : []));
    expect(ran.result.times).toEqual([ticks[2]]);
    expect(ticks[2]).toBeGreaterThan(ticks[0]!);
  });

  test('none is lost, whatever the schedule: the counts add up, in one callback or in several', () => {
    const shapes = new Set<number>();
    for (const ran of runs(
      () =>
        listening(function* (client, source) {
          yield* source.SetEnable(true);
          yield* send(client, 4);
        }),
      30,
    )) {
      expect(total(ran.result)).toBe(4);
      shapes.add(ran.result.counts.length);
    }
    expect(shapes.size).toBeGreaterThan(1);
  });
});

describe('before anybody listens', () => {
  test('interrupts before SetEnable are delivered with it', () => {
    const ran = run(
      listening(function* (client, source) {
        yield* send(client, 2);
        yield* source.SetEnable(true);
      }),
    );
    expect(ran.result.counts).toEqual([2]);
  });

  test('interrupts before SetHandler are delivered with it', () => {
    const ran = run(
      listening(function* (client, source, _queue, heard) {
        yield* source.SetEnable(true);
        yield* send(client, 2);
        yield* source.SetHandler(listener(heard));
      }, false),
    );
    expect(ran.result.counts).toEqual([2]);
  });

  test('while disabled there are no callbacks', () => {
    const ran = run(
      listening(function* (client, source, queue) {
        yield* source.SetEnable(true);
        yield* send(client, 1);
        yield* queue.DispatchSync(function* () {});
        yield* source.SetEnable(false);
        yield* send(client, 5);
      }),
    );
    expect(ran.result.counts).toEqual([1]);
  });
});

test('a handler waits for its queue to be free: on the default queue, for the external method to end', () => {
  for (const ran of runs(() => {
    const order: string[] = [];
    return {
      *method(_, client) {
        const queue = client.CopyDispatchQueue(kIOServiceDefaultQueueName);
        const [, source] = yield* IOInterruptDispatchSource.Create(client.pci, 0, queue);
        yield* source.SetHandler(function* () {
          order.push('handler');
        });
        yield* source.SetEnable(true);
        yield* send(client, 1);
        order.push('method');
        return 0;
      },
      *app(app, connect) {
        yield* app.IOConnectCallStructMethod(connect, 0, 0, 0);
        yield* app.IOServiceClose(connect);
        return order;
      },
    };
  })) {
    expect(ran.result.slice(0, 1)).toEqual(['method']);
    expect(ran.of('source.deliver')).toHaveLength(1);
  }
});

describe('without bus lead (§7.3)', () => {
  test('no MSI is sent', () => {
    const ran = run(
      listening(function* (client, source) {
        yield* source.SetEnable(true);
        yield* client.pci.ConfigurationWrite16(kIOPCIConfigurationOffsetCommand, kIOPCICommandMemorySpace);
        yield* send(client, 2);
        // Turning it on again brings nothing back.
        const both = kIOPCICommandMemorySpace | kIOPCICommandBusLead;
        yield* client.pci.ConfigurationWrite16(kIOPCIConfigurationOffsetCommand, both);
      }),
    );
    expect(ran.of('msi').map(({ status }) => status)).toEqual(['bus-lead-off', 'bus-lead-off']);
    expect(ran.result.counts).toEqual([]);
    expect([...ran.world.sources.values()][0]!.count).toBe(0);
  });

  test.each(['read', 'write'] as const)('no data moves by a device %s', (command) => {
    const ran = inDext(function* (inside) {
      const { pci } = inside.client;
      const [, segments] = yield* prepared(inside, inside.output);
      yield* obey(pci, { command: 'fill', length: 128, count: 0x77 });
      yield* pci.ConfigurationWrite16(kIOPCIConfigurationOffsetCommand, kIOPCICommandMemorySpace);
      return yield* obey(pci, { command, address: segments[0]!.address, length: 128, local: 1 * KiB });
    });
    expect(ran.result).toBe('bus-lead-off');
    expect([...ran.of('dma.read'), ...ran.of('dma.write')]).toHaveLength(1);
    expect([...ran.world.frames.values()].every(({ bytes }) => bytes.every((byte) => byte === 0))).toBe(true);
    expect(ran.deviceMemory.subarray(1 * KiB, 2 * KiB).every((byte) => byte === 0)).toBe(true);
  });
});
