import { expect, test } from 'vitest';
import { KiB, type IOMemoryDescriptor, type Program } from '../../../index.ts';
import { found as foundBy } from '../../support/found.ts';
import { commandFor, prepared } from '../../support/dext.ts';
import { done, obey, order } from '../../support/probe.ts';
import { play } from '../../support/rig.ts';
import { runAnyhow, type Setup, type TestClient } from '../../support/run.ts';

const rule = 'use-after-complete';
const found = (setup: Setup<unknown>, seed = 1): string[] => foundBy(setup, { rules: [rule], seed });

test.each(['none', 'vtd', 'dart'])('a device reads after CompleteDMA, mapper %s', (mapper) => {
  const machine = { mapper } as Setup<void>['machine'] & {};
  expect(found(play({ moves: ['call', 'prepare', 'complete', 'read'], machine }))).toEqual([rule]);
  expect(found(play({ moves: ['call', 'prepare', 'read', 'complete'], machine }))).toEqual([]);
});

/** A dext that does something with a struct input and the device. */
function withInput(body: (memory: IOMemoryDescriptor, client: TestClient) => Program): Setup<void> {
  return {
    *method(args, client) {
      yield* body(args.structureInputDescriptor!, client);
      return 0;
    },
    *app(app, connect) {
      const buffer = yield* app.mmap(64 * KiB);
      yield* app.IOConnectCallStructMethod(connect, 0, buffer, 64 * KiB);
    },
  };
}

/** A transfer that is under way when its command is completed, though another command has the same addresses. */
const shared = (stop: boolean): Setup<void> =>
  withInput(function* (memory, client) {
    const [first, [segment]] = yield* prepared({ client }, memory);
    yield* order(client.pci, { command: 'read', address: segment!.address, length: 8 * KiB });
    if (stop) yield* done(client.pci);
    const [second] = yield* prepared({ client }, memory);
    yield* first.CompleteDMA(0);
    if (!stop) yield* done(client.pci);
    yield* second.CompleteDMA(0);
  });

test('addresses that live on in another command', () => {
  const vtd = { ...shared(false), machine: { mapper: 'vtd' as const } };
  const seen = new Set<string>();
  for (let seed = 0; seed < 20; seed += 1) for (const name of found(vtd, seed)) seen.add(name);
  expect(seen).toContain(rule);
  for (let seed = 0; seed < 20; seed += 1) {
    expect(found({ ...shared(true), machine: { mapper: 'vtd' } }, seed)).not.toContain(rule);
  }
});

test('a second prepare and the last release give the addresses back too', () => {
  const again = (what: 'prepare' | 'release'): Setup<void> =>
    withInput(function* (memory, client) {
      const command = yield* commandFor({ client });
      const [, , , [segment]] = yield* command.PrepareForDMA(0, memory, 0, 0);
      if (what === 'release') yield* command.release();
      else yield* command.PrepareForDMA(0, memory, 0, 16 * KiB);
      yield* obey(client.pci, { command: 'read', address: segment!.address + 32 * KiB, length: 64 });
    });
  for (const what of ['prepare', 'release'] as const) expect(found(again(what))).toContain(rule);
});

test('the report names the beat, the command and the event that completed it', () => {
  const { findings, log } = runAnyhow(play({ moves: ['call', 'prepare', 'complete', 'read'] }), { rules: [rule] });
  const completed = log.findIndex(({ event }) => event.kind === 'command.complete');
  expect(findings).toHaveLength(1);
  expect(findings[0]!.message).toMatch(
    new RegExp(
      `^device:probe reads 1 bytes at 0x\\w+ \\(request 1 segment 0: iommu-fault\\), which command #\\d+ gave back in event ${completed}\\n`,
    ),
  );
});
