/** facts §1.4, §3.6, §7.3: how services end while their dext lives, and what opening them says then. */
import { describe, expect, test } from 'vitest';
import {
  kIOReturnBadArgument,
  kIOReturnNotPermitted,
  kIOReturnNotPrivileged,
  kIOReturnSuccess,
  kIOPCICommandBusLead,
  kIOPCIConfigurationOffsetCommand,
  MACH_SEND_INVALID_DEST,
  IOService,
  record,
  scenario,
  sleep,
  IODispatchQueue,
  type AnyEvent,
  type IOPCIDevice,
  type MachineOptions,
  type Program,
} from '../../../index.ts';
import { probe } from '../../support/probe.ts';
import { run, runs, type Ran } from '../../support/run.ts';

const states = (ran: Ran<unknown>): string[] =>
  ran.of('service.state').map(({ service, state }) => `${ran.world.services.get(service)!.name} ${state}`);

describe('the end of the driver', () => {
  let driver = 0;

  test('is that of its clients first; then what it left open is closed', () => {
    for (const ran of runs(() => ({
      *method(_, client) {
        driver = client.driver.service;
        return yield* client.driver.Terminate();
      },
      *app(app, connect) {
        yield* app.IOConnectCallScalarMethod(connect, 0, []);
        yield* app.sleep(1_000_000);
        return [(yield* app.IOConnectCallScalarMethod(connect, 0, []))[0], (yield* app.IOServiceOpen(driver))[0]];
      },
    }))) {
      expect(states(ran).filter((said, i, all) => all.indexOf(said) === i)).toEqual([
        'TestClient stopping',
        'TestClient stopped',
        'TestClient terminated',
        'TestDriver stopping',
        'TestDriver stopped',
        'TestDriver terminated',
      ]);
      expect(ran.of('pci.close')).toHaveLength(1);
      const device = [...ran.world.devices.values()][0]!;
      expect(device.config[kIOPCIConfigurationOffsetCommand]! & kIOPCICommandBusLead).toBe(0);
      expect(ran.result).toEqual([MACH_SEND_INVALID_DEST, kIOReturnBadArgument]);
    }
  });

  test('waits for a Stop that the dext postpones', () => {
    class Slow extends IOService {
      override *Start(provider: IOService | IOPCIDevice): Program<number> {
        yield* (provider as IOPCIDevice).Open(this);
        yield* this.RegisterService();
        return yield* this.Terminate();
      }
      override *Stop(provider: IOService | IOPCIDevice): Program<number> {
        const [, queue] = yield* IODispatchQueue.Create('later');
        const stop = (): Program<number> => super.Stop(provider);
        yield* queue.DispatchAsync(function* () {
          yield* sleep(1_000_000);
          yield* stop();
        });
        return kIOReturnSuccess;
      }
    }
    const log: AnyEvent[] = [];
    const { findings } = record(scenario({ title: 'slow', device: probe(), dext: () => new Slow(), *app() {} }), {
      onEvent: (event) => void log.push(event),
    });
    expect(findings).toEqual([]);
    const said = log.flatMap((event) => {
      if (event.kind === 'service.state') return [event.state];
      return event.kind === 'pci.close' || event.kind === 'thread.wake' ? [event.kind] : [];
    });
    expect(said).toEqual(['stopping', 'thread.wake', 'stopped', 'pci.close', 'terminated']);
  });
});

test('a Stop that never reaches super::Stop is a deadlock that says so', () => {
  class Stuck extends IOService {
    override *Start(): Program<number> {
      return yield* this.Terminate();
    }
    override *Stop(): Program<number> {
      return kIOReturnSuccess;
    }
  }
  const { findings } = record(scenario({ title: 'stuck', device: probe(), dext: () => new Stuck(), *app() {} }));
  expect(findings.map(({ rule }) => rule)).toEqual(['deadlock']);
  expect(findings[0]!.message).toMatch(/waits for super::Stop of service #\d+ "Stuck"/);
});

test("external methods queue behind a close that waits for the user client's lock", () => {
  for (const ran of runs(() => ({
    *method(args) {
      if (args.selector === 0) yield* sleep(1_000_000);
      return kIOReturnSuccess;
    },
    *app(app, connect) {
      const first = yield* app.pthread_create('first', function* () {
        yield* app.IOConnectCallScalarMethod(connect, 0, []);
      });
      yield* app.sleep(100_000);
      const closing = yield* app.pthread_create('closing', function* () {
        yield* app.IOServiceClose(connect);
      });
      const second = yield* app.pthread_create('second', function* () {
        yield* app.sleep(10_000);
        yield* app.note(`second: ${(yield* app.IOConnectCallScalarMethod(connect, 1, []))[0]}`);
      });
      for (const thread of [first, closing, second]) yield* app.pthread_join(thread);
    },
  }))) {
    const locks = ran.events.filter((event) => event.kind === 'connection.lock');
    expect(locks.map((event) => event.mode)).toEqual(['read', 'write', 'read']);
  }
});

test.each<[MachineOptions['entitlement'], number]>([
  ['not-permitted', kIOReturnNotPermitted],
  ['not-privileged', kIOReturnNotPrivileged],
])('an app that is %s cannot open the service', (entitlement, code) => {
  const ran = run<number>({
    machine: { entitlement },
    *app(app) {
      return (yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('TestDriver')))[0];
    },
  });
  expect(ran.result).toBe(code);
  expect(ran.of('connection.open')).toEqual([]);
});
