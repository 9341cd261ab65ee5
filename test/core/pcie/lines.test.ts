/** facts §7.2: a level-triggered interrupt masks its line until the handler has run; an MSI masks nothing. */
import { describe, expect, test } from 'vitest';
import {
  IODispatchQueue,
  IOInterruptDispatchSource,
  type Device,
  type DeviceModel,
  type Program,
} from '../../../index.ts';
import { runs, type Setup, type TestClient } from '../../support/run.ts';

const [assert, deassert, both] = [1n, 2n, 3n];

/** Does with its interrupt line what is written to register 0; `both` asserts it twice. */
function* engine(device: Device): Program {
  for (;;) {
    const { value } = yield* device.nextWrite();
    if (value !== deassert) yield* device.assert();
    if (value === both) yield* device.assert();
    if (value === deassert) yield* device.deassert();
    yield* device.setRegister(0, 8, 8, value);
  }
}

const model: DeviceModel = { name: 'lines', bars: [64], memory: 64, engines: (device) => ({ line: engine(device) }) };

/** Tells the device and waits until it has done it: what it has posted is there before its register is read. */
function* tell({ pci }: TestClient, value: bigint): Program {
  yield* pci.MemoryWrite64(0, 0, value);
  while ((yield* pci.MemoryRead64(0, 8)) !== value);
}

type Body = (client: TestClient, queue: IODispatchQueue, source: IOInterruptDispatchSource) => Program;
type Handler = (client: TestClient, nth: number) => Program;

/** The result is the counts that the handler was called with. */
function listening(handler: Handler, body: Body): Setup<number[]> {
  const counts: number[] = [];
  return {
    device: model,
    *method(_, client) {
      const [, queue] = yield* IODispatchQueue.Create('interrupts');
      const [, source] = yield* IOInterruptDispatchSource.Create(client.pci, 0, queue);
      yield* source.SetHandler(function* (count) {
        counts.push(count);
        yield* handler(client, counts.length);
      });
      yield* source.SetEnable(true);
      yield* body(client, queue, source);
      yield* queue.DispatchSync(function* () {});
      return 0;
    },
    *app(app, connect) {
      yield* app.IOConnectCallScalarMethod(connect, 0, []);
      return counts;
    },
  };
}

const quiet: Handler = (client) => tell(client, deassert);

describe('a line', () => {
  test('that the handler quiets is one interrupt, however often it was asserted meanwhile', () => {
    for (const ran of runs(
      () =>
        listening(quiet, function* (client, queue) {
          yield* queue.DispatchSync(() => tell(client, both));
        }),
      4,
    )) {
      expect(ran.result).toEqual([1]);
      expect(ran.of('source.rearm')).toHaveLength(1);
    }
  });

  test('that is still asserted when the handler has run calls it again', () => {
    for (const { result } of runs(
      () =>
        listening(
          function* (client, nth) {
            if (nth === 3) yield* quiet(client, nth);
          },
          function* (client, queue) {
            yield* tell(client, assert);
            // Two more callbacks follow the first, each behind what is on the queue already.
            for (let i = 0; i < 3; i += 1) yield* queue.DispatchSync(function* () {});
          },
        ),
      4,
    ))
      expect(result).toEqual([1, 1, 1]);
  });

  test('that was asserted before there was a source interrupts it', () => {
    const counts: number[] = [];
    for (const { result } of runs(
      () => ({
        device: model,
        *method(_, client) {
          yield* tell(client, assert);
          const [, queue] = yield* IODispatchQueue.Create('interrupts');
          const [, source] = yield* IOInterruptDispatchSource.Create(client.pci, 0, queue);
          yield* source.SetHandler(function* (count) {
            counts.push(count);
            yield* tell(client, deassert);
          });
          yield* source.SetEnable(true);
          yield* queue.DispatchSync(function* () {});
          return 0;
        },
        *app(app, connect) {
          yield* app.IOConnectCallScalarMethod(connect, 0, []);
          return counts.splice(0);
        },
      }),
      2,
    ))
      expect(result).toEqual([1]);
  });
});
