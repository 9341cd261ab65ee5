/** A dext that has crashed is started again on its device (facts §7.3; xnu IOUserServer.cpp finalize, IOService.cpp:3980-3995). */
import { describe, expect, test } from 'vitest';
import {
  IOService,
  kIOReturnSuccess,
  MIG_SERVER_DIED,
  record,
  scenario,
  store,
  type App,
  type Program,
} from '../../../index.ts';
import { violations } from '../../support/invariants.ts';
import { probe } from '../../support/probe.ts';
import { runAnyhow, type Ran, type Setup } from '../../support/run.ts';

const strategies = ['random', 'timed', 'round-robin'] as const;

function* crash(): Program<number> {
  yield* store(0, Uint8Array.of(1));
  return kIOReturnSuccess;
}

/** Opens the service of the new dext; until the old one has ended it is the one that is found. */
function* reconnect(app: App, old: number): Program<number> {
  for (;;) {
    const service = yield* app.IOServiceGetMatchingService('TestDriver');
    if (service !== old) return (yield* app.IOServiceOpen(service))[1];
    yield* app.sleep(1_000_000);
  }
}

/** The first call crashes the dext. The second, over a new connection, tells how many calls its driver object has had. */
const recovering: Setup<[died: number, code: number, calls: bigint | undefined]> = {
  method: [
    crash,
    function* (args, client) {
      const { shared } = client.driver;
      shared['calls'] = ((shared['calls'] as number | undefined) ?? 0) + 1;
      args.scalarOutput[0] = BigInt(shared['calls'] as number);
      return kIOReturnSuccess;
    },
  ],
  *app(app, connect) {
    const old = yield* app.IOServiceGetMatchingService('TestDriver');
    yield* app.IOConnectCallScalarMethod(connect, 1, [], 1);
    const [died] = yield* app.IOConnectCallScalarMethod(connect, 0, []);
    const [code, output] = yield* app.IOConnectCallScalarMethod(yield* reconnect(app, old), 1, [], 1);
    return [died, code, output[0]];
  },
};

const dexts = ({ world }: Ran<unknown>): string[] =>
  [...world.tasks.values()].filter(({ name }) => name === 'dext').map(({ state, death }) => `${state} ${death}`);

describe('the dext is started again', () => {
  test.for(strategies)('in a new process, with a new driver object: %s', (strategy) => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const ran = runAnyhow(recovering, { strategy, seed });
      expect(ran.result).toEqual([MIG_SERVER_DIED, kIOReturnSuccess, 1n]);
      expect(ran.findings.map(({ rule }) => rule)).toEqual(['crash']);
      expect(dexts(ran)).toEqual(['gone crash', 'alive none']);
      const [device] = ran.world.devices.values();
      expect(ran.world.services.get(device!.openedBy)).toMatchObject({ name: 'TestDriver', state: 'active' });
      expect(violations(ran.world)).toEqual([]);
    }
  });

  test('before macOS 14.2, too', () => {
    for (const era of ['before-13.3', '13.3-14.1'] as const)
      expect(dexts(runAnyhow({ ...recovering, machine: { era } }))).toHaveLength(2);
  });

  test('each time', () => {
    const ran = runAnyhow({
      method: [crash],
      *app(app, connect) {
        for (let times = 3, open = connect; times > 0; times -= 1) {
          const old = yield* app.IOServiceGetMatchingService('TestDriver');
          yield* app.IOConnectCallScalarMethod(open, 0, []);
          open = yield* reconnect(app, old);
        }
      },
    });
    expect(dexts(ran)).toEqual(['gone crash', 'gone crash', 'gone crash', 'alive none']);
  });
});

describe('it is not', () => {
  test('when its Start has not come to its end', () => {
    class Fragile extends IOService {
      override *Start(): Program<number> {
        return yield* crash();
      }
    }
    const fragile = scenario({ title: 'fragile', device: probe(), dext: () => new Fragile(), *app() {} });
    const { world } = record(fragile);
    expect([...world.tasks.values()].filter(({ name }) => name === 'dext')).toHaveLength(1);
  });

  test('when the scenario is at fault: its program threw', () => {
    const ran = runAnyhow({
      method: [
        function* () {
          throw new Error('oops');
        },
      ],
      app: (app, connect) => app.IOConnectCallScalarMethod(connect, 0, []),
    });
    expect(ran.findings.map(({ rule }) => rule)).toEqual(['program-error']);
    expect(dexts(ran)).toEqual(['gone error']);
  });

  test('when the device is gone', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const ran = runAnyhow(
        { ...recovering, app: (app) => app.sleep(1) },
        { seed, set: { faults: 'unplug,dext-crash' } },
      );
      const first = ran.events.findIndex(({ kind }) => kind === 'device.unplug');
      const second = ran.events.findLastIndex((event) => event.kind === 'task.create' && event.name === 'dext');
      if (first !== -1) expect(second).toBeLessThan(first);
    }
  });
});
