/** facts §7.1, §7.2, §1.5: what is left of interrupt sources and queues after Cancel, and what the PCI nub says of itself. */
import { describe, expect, test } from 'vitest';
import {
  IODispatchQueue,
  IOInterruptDispatchSource,
  kIOReturnBadArgument,
  kIOReturnNoInterrupt,
  kIOReturnNotFound,
  kIOReturnNotReady,
  kIOReturnSuccess,
  kIOReturnUnsupported,
  kIOUserClientQueueNameExternalMethod,
  type Program,
} from '../../../index.ts';
import { inDext } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';
import { runs } from '../../support/run.ts';

describe('a cancelled interrupt source', () => {
  test('counts nothing more and cannot be enabled; a callback that was queued still runs, before the cancel handler', () => {
    const heard: string[] = [];
    const ran = inDext(function* ({ client }): Program<number[]> {
      const [, queue] = yield* IODispatchQueue.Create('interrupts');
      const [, source] = yield* IOInterruptDispatchSource.Create(client.pci, 0, queue);
      yield* source.SetHandler(function* (count) {
        heard.push(`${count} interrupts`);
      });
      const codes = [yield* source.SetEnable(true), yield* source.SetEnable(true)];
      yield* queue.DispatchSync(function* () {
        yield* obey(client.pci, { command: 'interrupt', count: 1 });
        yield* source.Cancel(function* () {
          heard.push('cancelled');
        });
      });
      yield* obey(client.pci, { command: 'interrupt', count: 1 });
      codes.push(yield* source.SetEnable(true));
      yield* queue.DispatchSync(function* () {});
      return codes;
    });
    expect(ran.result).toEqual([kIOReturnSuccess, kIOReturnSuccess, kIOReturnUnsupported]);
    expect(heard).toEqual(['1 interrupts', 'cancelled']);
  });
});

test('a cancelled queue runs what it has, and answers later calls with NotReady', () => {
  for (const ran of runs<number[]>(() => ({
    *clientStart(client) {
      const [, queue] = yield* IODispatchQueue.Create('methods');
      client.SetDispatchQueue(kIOUserClientQueueNameExternalMethod, queue);
    },
    *method(_, client) {
      const queue = client.CopyDispatchQueue(kIOUserClientQueueNameExternalMethod);
      return yield* queue.Cancel();
    },
    *app(app, connect) {
      const first = yield* app.IOConnectCallScalarMethod(connect, 0, []);
      return [first[0], (yield* app.IOConnectCallScalarMethod(connect, 0, []))[0]];
    },
  }))) {
    expect(ran.result).toEqual([kIOReturnSuccess, kIOReturnNotReady]);
  }
});

describe('the PCI nub', () => {
  test('sets up interrupt vectors, a power of two, once', () => {
    const { result } = inDext(function* ({ client: { pci } }): Program<number[]> {
      const [, queue] = yield* IODispatchQueue.Create('interrupts');
      return [
        yield* pci.ConfigureInterrupts(0, 0, 1),
        yield* pci.ConfigureInterrupts(0, 1, 0),
        yield* pci.ConfigureInterrupts(0, 3, 2),
        yield* pci.ConfigureInterrupts(0, 1, 3, 1),
        yield* pci.ConfigureInterrupts(0, 1, 3),
        yield* pci.ConfigureInterrupts(0, 4, 4),
        yield* pci.ConfigureInterrupts(0, 5, 8),
        (yield* IOInterruptDispatchSource.Create(pci, 3, queue))[0],
        (yield* IOInterruptDispatchSource.Create(pci, 4, queue))[0],
      ];
    });
    expect(result).toEqual([
      ...Array.from({ length: 4 }, () => kIOReturnBadArgument),
      kIOReturnSuccess,
      kIOReturnSuccess,
      kIOReturnUnsupported,
      kIOReturnSuccess,
      kIOReturnNoInterrupt,
    ]);
  });

  test('tells which BARs there are', () => {
    const { result, world } = inDext(function* ({ client: { pci } }) {
      return [yield* pci.GetBARInfo(0), yield* pci.GetBARInfo(6), yield* pci.GetBARInfo(7)];
    });
    const size = [...world.devices.values()][0]!.bars[0]!.bytes.length;
    expect(result).toEqual([
      [kIOReturnSuccess, 0, size],
      [kIOReturnNotFound, 0, 0],
      [kIOReturnBadArgument, 0, 0],
    ]);
  });
});
