/** Races with bounced memory (facts §4.6): whoever copies it stands for the device. */
import { expect, test } from 'vitest';
import { KiB, load, type App, type Program, type Scenario } from '../../../index.ts';
import { commandFor, type Inside } from '../../support/dext.ts';
import { done, obey, order } from '../../support/probe.ts';
import { none, racesOf } from '../../support/races.ts';
import { runAnyhow, scenarioOf, type Setup } from '../../support/run.ts';

const size = 8 * KiB;
const always = (...rules: string[]): { rules: string[]; seeds: number } => ({ rules, seeds: 40 });

/** A call that lets the device move the app's memory through bounce pages, and what another thread does: meanwhile, or before. */
function moving(input: boolean, meanwhile: boolean, other: (app: App, buffer: number) => Program): Setup<void> {
  return {
    machine: { mapper: 'none', pageSize: 4 * KiB, beat: 4 * KiB, mps: 4 * KiB, mrrs: 4 * KiB },
    *method(args, client) {
      const memory = (input ? args.structureInputDescriptor : args.structureOutputDescriptor)!;
      const command = yield* commandFor({ client }, 32);
      const [, , , [segment]] = yield* command.PrepareForDMA(0, memory, 0, 0);
      yield* obey(client.pci, { command: input ? 'read' : 'write', address: segment!.address, length: 4 * KiB });
      return yield* command.CompleteDMA(0);
    },
    *app(app, connect) {
      const buffer = yield* app.mmap(size);
      const thread = yield* app.pthread_create('other', () => other(app, buffer));
      if (!meanwhile) yield* app.pthread_join(thread);
      const [from, to] = input ? [size, 0] : [0, size];
      yield* app.IOConnectCallMethod(connect, 0, [], buffer, from, 0, buffer, to);
      if (meanwhile) yield* app.pthread_join(thread);
    },
  };
}

function* writes(app: App, buffer: number): Program {
  yield* app.memset(buffer + 64, 1, 64);
}
function* reads(app: App, buffer: number): Program {
  yield* app.read(buffer + 64, 64);
}

test.each([
  ['late-write', true, writes],
  ['lost-update', false, writes],
  ['read-before-completion', false, reads],
] as const)('%s: another thread, against the copy; before the call is right', (rule, input, other) => {
  const scenario = (meanwhile: boolean): Scenario => scenarioOf(moving(input, meanwhile, other));
  expect(racesOf(scenario(true))).toEqual(always(rule));
  expect(racesOf(scenario(false))).toEqual(none);
});

test('the story names the copy and its command', () => {
  const { findings } = runAnyhow(moving(true, true, writes), { rules: ['late-write'] });
  expect(findings[0]!.message).toMatch(
    /dext:TestClient reads \d+ bytes at 0x\w+ \(the copy to a bounce page of command #\d+\)/,
  );
});

test('CompleteDMA before the device is done: the copy in reads what the device writes', () => {
  const completes = (early: boolean): Scenario =>
    scenarioOf({
      machine: { mapper: 'none', pageSize: 4 * KiB },
      *method(args, client) {
        const inside = { client } as Inside;
        const command = yield* commandFor(inside, 32);
        const [, , , segments] = yield* command.PrepareForDMA(0, args.structureOutputDescriptor, 0, 0);
        yield* order(client.pci, { command: 'write', address: segments[0]!.address, length: 4 * KiB });
        if (!early) yield* done(client.pci);
        yield* command.CompleteDMA(0);
        if (early) yield* done(client.pci);
        return 0;
      },
      *app(app, connect) {
        const buffer = yield* app.mmap(size);
        yield* app.IOConnectCallMethod(connect, 0, [], 0, 0, 0, buffer, size);
        yield* app.read(buffer, size);
      },
    });
  expect(racesOf(completes(true)).rules).toEqual(['read-before-completion']);
  expect(racesOf(completes(false))).toEqual(none);
});

test('double-fetch: the copy takes other bytes than the dext has looked at', () => {
  const looks = (late: boolean): Scenario =>
    scenarioOf({
      machine: { mapper: 'none', pageSize: 4 * KiB },
      method: [
        function* (args, client) {
          const memory = args.structureInputDescriptor!;
          yield* memory.retain();
          const [, map] = yield* memory.CreateMapping(0);
          yield* load(map!.GetAddress(), 8);
          client.driver.shared['memory'] = memory;
          return 0;
        },
        function* (_, client) {
          const memory = client.driver.shared['memory'] as never;
          const command = yield* commandFor({ client }, 32);
          yield* command.PrepareForDMA(0, memory, 0, 0);
          return yield* command.CompleteDMA(0);
        },
      ],
      *app(app, connect) {
        const buffer = yield* app.mmap(size);
        yield* app.IOConnectCallStructMethod(connect, 0, buffer, size);
        if (late) yield* app.memset(buffer, 1, 8);
        yield* app.IOConnectCallScalarMethod(connect, 1, []);
      },
    });
  expect(racesOf(looks(true))).toEqual(always('double-fetch'));
  expect(racesOf(looks(false))).toEqual(none);
});
