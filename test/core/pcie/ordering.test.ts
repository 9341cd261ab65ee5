/** PCIe base spec 2.4.1: which packets may pass each other. The expected orders are written out by hand. */
import { describe, expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  IODMACommand,
  kIOMemoryDirectionInOut,
  KiB,
  load,
  type AnyEvent,
  type Device,
  type IOPCIDevice,
  type MachineOptions,
  type Program,
} from '../../../index.ts';
import { run, scenarioOf, type Setup } from '../../support/run.ts';
import { everySchedule } from '../../support/schedules.ts';

const one = { request: 1, segment: 0 };
const doorbell = 0;
const ready = 8;
/** What the device's local memory is filled with. */
const made = 0x77;

/** What the dext does once the doorbell has been rung; it gets the address of the memory. */
type Then = (pci: IOPCIDevice, memory: number) => Program;

/** A dext that gives the device some memory and rings its doorbell; what the device does with the bus address. */
function rung(
  engine: (device: Device, bus: number) => Program,
  then: Then,
  machine: Partial<MachineOptions>,
): Setup<void> {
  return {
    machine: { beat: 128, mrrs: 128, mps: 128, ...machine },
    device: {
      name: 'test',
      bars: [4 * KiB],
      memory: 4 * KiB,
      engines: (device) => ({ engine: serve(device, engine) }),
    },
    *start({ pci }) {
      const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 4 * KiB);
      const [, { address }] = yield* buffer!.GetAddressRange();
      const [, command] = yield* IODMACommand.Create(pci, 0, { maxAddressBits: 64 });
      const [, , , segments] = yield* command!.PrepareForDMA(0, buffer, 0, 0);
      yield* pci.MemoryWrite64(0, doorbell, BigInt(segments[0]!.address));
      yield* then(pci, address);
    },
    *app() {},
  };
}

function* serve(device: Device, engine: (device: Device, bus: number) => Program): Program {
  yield* device.fill(0, 4 * KiB, made);
  for (;;) {
    const { offset, value } = yield* device.nextWrite();
    if (offset === doorbell) yield* engine(device, Number(value));
  }
}

const nothing: Then = function* () {};

/** All orders of what the labels tell, among these actors. */
function orders(
  setup: Setup<void>,
  actors: readonly string[],
  labels: (event: AnyEvent) => string | undefined,
): readonly string[] {
  const all = everySchedule(scenarioOf(setup), actors, labels).map(({ notes }) => notes.join(' '));
  return [...new Set(all)].toSorted();
}

describe('posted packets', () => {
  function* twoAndAnInterrupt(device: Device, bus: number): Program {
    yield* device.writeMemory(one, bus, 256, 0);
    yield* device.interrupt();
  }

  /** Posting is in small letters, landing in capitals: a and b are the writes, m is the MSI. */
  function label(event: AnyEvent): string | undefined {
    if (event.kind === 'tlp.write') return event.local === 0 ? 'a' : 'b';
    if (event.kind === 'dma.write') return event.local === 0 ? 'A' : 'B';
    if (event.kind === 'tlp.msi') return 'm';
    return event.kind === 'msi' ? 'M' : undefined;
  }

  test('land in their order, an MSI behind the data: two writes and an MSI have five schedules (A2a)', () => {
    const setup = rung(twoAndAnInterrupt, nothing, {});
    expect(orders(setup, ['device:engine', 'link:posted'], label)).toEqual([
      'a A b B m M',
      'a A b m B M',
      'a b A B m M',
      'a b A m B M',
      'a b m A B M',
    ]);
  });

  test('wait for credits: with one there is one schedule', () => {
    const setup = rung(twoAndAnInterrupt, nothing, { credits: 1 });
    expect(orders(setup, ['device:engine', 'link:posted'], label)).toEqual(['a A b B m M']);
  });

  test('carry what local memory held when they were posted', () => {
    const seen = everySchedule(
      scenarioOf(
        rung(
          function* (device, bus) {
            yield* device.writeMemory(one, bus, 128, 0);
            yield* device.fill(0, 128, 0x11);
          },
          nothing,
          {},
        ),
      ),
      ['device:engine', 'link:posted'],
    );
    expect(seen).toHaveLength(2);
    for (const { run: done } of seen) {
      const firstBytes = [...done.world.frames.values()].map(({ bytes }) => bytes[0]);
      expect(firstBytes).toContain(made);
      expect(firstBytes).not.toContain(0x11);
    }
  });
});

describe('read requests', () => {
  /** Small letters are requests, capitals the data, f is the end. */
  function label(event: AnyEvent): string | undefined {
    if (event.kind === 'tlp.read') return event.local === 0 ? 'a' : 'b';
    if (event.kind === 'dma.read') return event.local === 0 ? 'A' : 'B';
    return event.kind === 'tlp.finish' ? 'f' : undefined;
  }
  function* reads(device: Device, bus: number): Program {
    yield* device.readMemory(one, bus, 256, 0);
  }
  const actors = ['device:engine', 'link:tag0', 'link:tag1'];

  test('with different tags overtake each other (B3, D5a)', () => {
    expect(orders(rung(reads, nothing, {}), actors, label)).toEqual(['a A b B f', 'a b A B f', 'a b B A f']);
  });

  test('wait for a free tag: with one there is one schedule', () => {
    expect(orders(rung(reads, nothing, { tags: 1 }), ['device:engine', 'link:tag0'], label)).toEqual(['a A b B f']);
  });

  test('have their completions in address order (D5b)', () => {
    const setup = rung(reads, nothing, { mrrs: 256 });
    expect(orders(setup, actors, label)).toEqual(['a A B f']);
  });

  test('do not pass what was posted before them (B2a)', () => {
    function* writesAndReads(device: Device, bus: number): Program {
      yield* device.writeMemory(one, bus, 128, 0);
      yield* device.readMemory(one, bus, 128, 1 * KiB);
    }
    const labels = (event: AnyEvent): string | undefined =>
      ({ 'tlp.write': 'w', 'dma.write': 'W', 'tlp.read': 'r', 'dma.read': 'R' })[event.kind as string];
    const setup = rung(writesAndReads, nothing, {});
    expect(orders(setup, ['device:engine', 'link:posted', 'link:tag0'], labels)).toEqual(['w W r R', 'w r W R']);
    const memory = run(setup).deviceMemory;
    expect(memory.subarray(1 * KiB, 1 * KiB + 128).every((byte) => byte === made)).toBe(true);
  });
});

describe("the CPU's reads", () => {
  /** w: posted, W: landed; m: the register is read, r: the read comes back behind the packet, d: the data is loaded. */
  function label(event: AnyEvent): string | undefined {
    if (event.kind === 'tlp.write') return 'w';
    if (event.kind === 'dma.write') return 'W';
    if (event.kind === 'mmio.read' || event.kind === 'config.read') return 'm';
    if (event.kind === 'tlp.return') return 'r';
    return event.kind === 'memory.load' ? 'd' : undefined;
  }
  function* writes(device: Device, bus: number): Program {
    yield* device.writeMemory(one, bus, 128, 0);
  }
  /** W is before d wherever w is before m; and r is there only where it had to wait. */
  const expected = ['m d w W', 'm w W d', 'm w d W', 'w W m d', 'w m W r d'];

  test.each([
    ['of a register', (pci: IOPCIDevice) => pci.MemoryRead32(0, ready)],
    ['of configuration space', (pci: IOPCIDevice) => pci.ConfigurationRead32(0)],
  ])('%s come back behind what was posted before (D2a)', (_, read) => {
    const setup = rung(
      writes,
      function* (pci, memory) {
        yield* read(pci);
        yield* load(memory, 1);
      },
      {},
    );
    expect(orders(setup, ['device:engine', 'link:posted', 'dext:TestDriver'], label)).toEqual(expected);
  });
});
