/** A call that is refused has looked at something: the reduction finds both orders of it and what changes that. */
import { expect, test } from 'vitest';
import { IODispatchQueue, IOInterruptDispatchSource, type Program } from '../../../index.ts';
import { Reduction } from '../../../scheduler/searches/reduction.ts';
import { cover } from '../../support/all-schedules.ts';
import { scenarioOf, type TestClient } from '../../support/run.ts';

/** Two pieces of a dext that run at once, and what the second comes to. */
type Pair = readonly [
  first: (client: TestClient, queue: IODispatchQueue, source: IOInterruptDispatchSource) => Program<unknown>,
  second: (client: TestClient, queue: IODispatchQueue, source: IOInterruptDispatchSource) => Program<unknown>,
];

const pairs: Record<string, Pair> = {
  'SetEnable and Cancel of a source': [(_, __, source) => source.Cancel(), (_, __, source) => source.SetEnable(true)],
  'DispatchAsync and Cancel of a queue': [
    (_, queue) => queue.Cancel(),
    function* (_, queue) {
      let ran = false;
      yield* queue.DispatchAsync(function* () {
        ran = true;
      });
      return () => ran;
    },
  ],
  'Create and ConfigureInterrupts': [
    ({ pci }) => pci.ConfigureInterrupts(0, 1, 1),
    function* ({ pci }, queue) {
      return (yield* IOInterruptDispatchSource.Create(pci, 1, queue))[0];
    },
  ],
  'two ConfigureInterrupts': [
    ({ pci }) => pci.ConfigureInterrupts(0, 1, 1),
    ({ pci }) => pci.ConfigureInterrupts(0, 2, 2),
  ],
  'Open and Close': [({ driver }) => driver.pci.Close(driver), (client) => client.pci.Open(client)],
};

/** Whether the second one is the method's own thread. */
const both = Object.entries(pairs).flatMap(([name, pair]) => [true, false].map((own) => [name, own, pair] as const));

test.each(both)('%s, %s', (_, own, [first, second]) => {
  const scenario = scenarioOf({
    *method(_args, client) {
      const [, queue] = yield* IODispatchQueue.Create('target');
      const [, other] = yield* IODispatchQueue.Create('other');
      const [, source] = yield* IOInterruptDispatchSource.Create(client.pci, 0, queue);
      let came: unknown;
      const one = (): Program<unknown> => first(client, queue, source);
      const two = function* (): Program {
        came = yield* second(client, queue, source);
      };
      yield* other.DispatchAsync(function* () {
        yield* own ? one() : two();
      });
      yield* own ? two() : one();
      yield* other.DispatchSync(function* () {});
      yield* queue.DispatchSync(function* () {});
      return Number(typeof came === 'function' ? (came as () => boolean)() : came);
    },
    *app(app, connect) {
      return (yield* app.IOConnectCallScalarMethod(connect, 0, []))[0];
    },
  });
  const { traces, complete } = cover(scenario, new Reduction('1'), 2_000);
  expect(complete).toBe(true);
  expect(new Set(traces.values()).size).toBe(2);
});
