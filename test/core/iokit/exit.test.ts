/** facts §4.4, §3.5, §7.3: what happens when a dext dies with the device at work. */
import { describe, expect, test } from 'vitest';
import {
  kIOPCICommandBusLead,
  kIOPCIConfigurationOffsetCommand,
  kIOReturnSuccess,
  KiB,
  load,
  MIG_SERVER_DIED,
  type IODMACommand,
  type IOMemoryDescriptor,
  type KindName,
  type MachineOptions,
  type Program,
} from '../../../index.ts';
import { commandFor } from '../../support/dext.ts';
import { violations } from '../../support/invariants.ts';
import { runAnyhow, type Ran, type Setup } from '../../support/run.ts';

const size = 32 * KiB;
const pages = 2;

/** The dext keeps a struct output, prepared and mapped, and the action of an asynchronous call; then it crashes. */
function dying(machine: Partial<MachineOptions> = {}): Setup<number> {
  let memory: IOMemoryDescriptor;
  let command: IODMACommand;
  return {
    machine,
    *method(args, client) {
      if (args.selector === 1) yield* load(0, 1);
      memory = args.structureOutputDescriptor!;
      yield* memory.retain();
      yield* args.completion!.retain();
      yield* memory.CreateMapping(0);
      command = yield* commandFor({ client });
      return (yield* command.PrepareForDMA(0, memory, 0, 0))[0];
    },
    *app(app, connect) {
      const buffer = yield* app.mmap(size);
      const port = yield* app.IONotificationPortCreate();
      yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, buffer, size);
      const [code] = yield* app.IOConnectCallScalarMethod(connect, 1, []);
      yield* app.mach_msg_receive(port, 1_000_000);
      return code;
    },
  };
}

const order = (ran: Ran<unknown>, ...kinds: KindName[]): string[] =>
  ran.events.map(({ kind }) => kind).filter((kind) => kinds.includes(kind));

const quiesce = ['pci.quiesce', 'device.reset', 'pci.close'];
const gone = ['action.abort', 'iommu.unmap', 'iommu.unmap', 'page.unwire', 'page.unwire'];

describe('the death of a dext', () => {
  test.each<[MachineOptions['era'], string[]]>([
    ['14.2', [...quiesce, 'task.disconnect', ...gone]],
    ['13.3-14.1', ['task.disconnect', ...gone, ...quiesce]],
  ])('in the order of macOS %s', (era, expected) => {
    for (const strategy of ['random', 'timed', 'round-robin'])
      for (let seed = 1; seed < 6; seed += 1) {
        const ran = runAnyhow(dying({ era }), { strategy, seed });
        const kernel = [...ran.world.actors.values()].find(({ name }) => name === 'kernel:exit-dext')!;
        const did = ran.log.filter(({ actor }) => actor === kernel.id).map(({ event }) => event.kind);
        expect(did.filter((kind) => expected.includes(kind))).toEqual(expected);
        expect(ran.result).toBe(MIG_SERVER_DIED);
        expect(ran.findings.map(({ rule }) => rule)).toEqual(['crash']);
      }
  });

  test('leaves nothing of what it held: no object, no wire, no bus address, no service, no connection', () => {
    for (const era of ['14.2', '13.3-14.1'] as const) {
      const ran = runAnyhow(dying({ era, mapper: 'vtd' }));
      const { world } = ran;
      expect([...world.references]).toEqual([]);
      expect(world.descriptors.size + world.mappings.size + world.commands.size + world.actions.size).toBe(0);
      expect(world.iommu.size + world.iovas.length + world.frames.size + world.objects.size).toBe(0);
      // The last one is of the dext that is started anew.
      expect([...world.services.values()].map(({ state }) => state)).toEqual(['terminated', 'terminated', 'active']);
      expect([...world.connections.values()].map(({ state }) => state)).toEqual(['stopped']);
      expect(ran.of('port.send')).toEqual([]);
      expect(violations(world)).toEqual([]);
    }
  });

  test('resets the device: no bus lead, registers as new, engines that begin anew', () => {
    // What the new dext finds when it starts.
    const found: number[] = [];
    const ran = runAnyhow({
      ...dying(),
      open: false,
      *start(driver) {
        const { pci } = driver;
        found.push(yield* pci.Open(driver));
        found.push(yield* pci.ConfigurationRead16(kIOPCIConfigurationOffsetCommand));
        yield* pci.ConfigurationWrite16(kIOPCIConfigurationOffsetCommand, kIOPCICommandBusLead);
      },
    });
    // A run that hangs is made twice.
    expect(found.slice(0, 4)).toEqual([kIOReturnSuccess, 0, kIOReturnSuccess, 0]);
    const engines = [...ran.world.actors.values()].filter(({ name }) => name.startsWith('device:'));
    expect(engines.map(({ alive }) => alive)).toEqual([false, true]);
  });

  test('leaves a device alone that it has not opened', () => {
    const ran = runAnyhow({ ...dying(), open: false });
    expect(order(ran, 'pci.quiesce', 'device.reset', 'pci.close')).toEqual([]);
  });

  test.each(['13.3-14.1', '14.2'] as const)(
    'in the Stop of its driver: nobody resets the device, and when it is closed is unspecified (§13, macOS %s)',
    (era) => {
      const ran = runAnyhow({
        machine: { era },
        *start(driver) {
          driver.Stop = function* (): Program<number> {
            yield* load(0, 1);
            return 0;
          };
        },
        *method(_, client) {
          return yield* client.driver.Terminate();
        },
        *app(app, connect) {
          yield* app.IOConnectCallScalarMethod(connect, 0, []);
        },
      });
      expect(ran.findings.map(({ rule }) => rule)).toEqual(['crash']);
      expect(order(ran, 'pci.quiesce', 'device.reset', 'unspecified', 'pci.close')).toEqual([
        'unspecified',
        'pci.close',
      ]);
    },
  );

  test('before macOS 13.3 the wires of its commands leak', () => {
    const { world } = runAnyhow(dying({ era: 'before-13.3' }));
    expect(world.commands.size).toBe(0);
    expect([...world.frames.values()].map(({ wires }) => wires)).toEqual(Array.from({ length: pages }, () => 1));
  });
});
