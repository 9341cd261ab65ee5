/** facts §4.6: which rights the IOMMU gets, who enforces them, and which bus addresses are shared. */
import { describe, expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  kIOMemoryDirectionInOut,
  KiB,
  load,
  type IOMemoryDescriptor,
  type MachineOptions,
  type Program,
} from '../../../index.ts';
import type { BeatStatus } from '../../../core/pcie/kinds.ts';
import { commandFor, inDext, prepared, type Inside } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';
import type { Ran } from '../../support/run.ts';

const vtd = { mapper: 'vtd', pageSize: 4 * KiB } as const;

type Which = 'Out' | 'In' | 'InOut';

function* memoryOf({ input, output }: Inside, which: Which): Program<IOMemoryDescriptor> {
  if (which !== 'InOut') return which === 'Out' ? input : output;
  return (yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 48 * KiB))[1]!;
}

/** What became of the beats of device writes: the device itself does not hear of it. */
const written = (ran: Ran<unknown>): BeatStatus[] => [...new Set(ran.of('dma.write').map(({ status }) => status))];

/** What becomes of a device read and a device write in prepared memory, and the rights in the IOMMU. */
function tryBoth(
  which: Which,
  window: 'whole' | 'partial',
  machine: Partial<MachineOptions>,
): { rights: string[]; read: BeatStatus; write: BeatStatus } {
  const ran = inDext(
    function* (inside) {
      const command = yield* commandFor(inside);
      const memory = yield* memoryOf(inside, which);
      const [, , , segments] = yield* command.PrepareForDMA(0, memory, 0, window === 'whole' ? 0 : 20 * KiB);
      const address = segments[0]!.address;
      const read = yield* obey(inside.client.pci, { command: 'read', address, length: 64 });
      expect(yield* obey(inside.client.pci, { command: 'write', address, length: 64 })).toBe(ok);
      yield* command.CompleteDMA(0);
      return read;
    },
    { machine },
  );
  const rights = [...new Set(ran.of('iommu.map').map(({ access }) => access))];
  return { rights, read: ran.result, write: written(ran)[0]! };
}

const ok = 'ok';
const fault = 'iommu-fault';

describe('rights', () => {
  const table = [
    ['Out', 'whole', 'read', ok, fault],
    ['In', 'whole', 'write', fault, ok],
    ['InOut', 'whole', 'read-write', ok, ok],
    ['Out', 'partial', 'read', ok, fault],
    ['In', 'partial', 'read-write', ok, ok],
    ['InOut', 'partial', 'read-write', ok, ok],
  ] as const;

  test.each(table)('%s, %s range: %s; VT-d enforces it', (which, window, rights, read, write) => {
    expect(tryBoth(which, window, vtd)).toEqual({ rights: [rights], read, write });
  });

  test.each(table)('%s, %s range: %s; so does a DART that enforces read-only', (which, window, rights, read, write) => {
    expect(tryBoth(which, window, { mapper: 'dart', dartEnforcesReadOnly: true })).toEqual({
      rights: [rights],
      read,
      write,
    });
  });

  test.each(table)('%s, %s range: %s; a DART as reported lets device writes through', (which, window, rights) => {
    expect(tryBoth(which, window, { mapper: 'dart' })).toMatchObject({ rights: [rights], write: ok });
  });

  test.each(['Out', 'In'] as const)('without a mapper there are none, for %s', (which) => {
    expect(tryBoth(which, 'whole', { mapper: 'none' })).toEqual({ rights: [], read: ok, write: ok });
  });
});

describe('a device write into a struct input', () => {
  /** What the app's first byte is afterwards: 0, or the device's 0x77. */
  function tryIt(machine: Partial<MachineOptions>): { statuses: BeatStatus[]; byte: number; beats: number } {
    const ran = inDext(
      function* (inside) {
        const [command, segments] = yield* prepared(inside, inside.input);
        const { pci } = inside.client;
        yield* obey(pci, { command: 'fill', length: 256, count: 0x77 });
        yield* obey(pci, { command: 'write', address: segments[0]!.address, length: 512 });
        yield* command.CompleteDMA(0);
        const [, map] = yield* inside.input.CreateMapping(0);
        return (yield* load(map!.GetAddress(), 1))[0]!;
      },
      { machine },
    );
    return { statuses: written(ran), byte: ran.result, beats: ran.of('dma.write').length };
  }

  test('is dropped on VT-d at the first beat of each packet', () => {
    expect(tryIt(vtd)).toEqual({ statuses: [fault], byte: 0, beats: 2 });
  });

  test('arrives through a DART, unless it enforces read-only', () => {
    expect(tryIt({ mapper: 'dart' })).toEqual({ statuses: [ok], byte: 0x77, beats: 8 });
    expect(tryIt({ mapper: 'dart', dartEnforcesReadOnly: true })).toEqual({ statuses: [fault], byte: 0, beats: 2 });
  });

  test.each([
    ['dart', 1],
    ['vtd', 0],
  ] as const)('a fault of %s is unspecified %i times (§13)', (mapper, times) => {
    const ran = inDext(({ client }) => obey(client.pci, { command: 'write', address: 0x1234_0000, length: 4 }), {
      machine: { mapper },
    });
    expect(written(ran)).toEqual([fault]);
    expect(ran.of('unspecified')).toHaveLength(times);
  });
});

describe('sharing', () => {
  /** Two commands on one descriptor: their addresses, and what a read sees after the first, and after both are complete. */
  function two(
    machine: Partial<MachineOptions>,
    length = 0,
  ): { same: boolean; first: BeatStatus[]; second: BeatStatus[] } {
    return inDext(
      function* (inside) {
        const { pci } = inside.client;
        const [one, other] = [yield* commandFor(inside), yield* commandFor(inside)];
        const [, , , a] = yield* one.PrepareForDMA(0, inside.input, 0, length);
        const [, , , b] = yield* other.PrepareForDMA(0, inside.input, 0, length);
        const addresses = [a[0]!.address, b[0]!.address];
        function* readBoth(): Program<BeatStatus[]> {
          const all: BeatStatus[] = [];
          for (const address of addresses) all.push(yield* obey(pci, { command: 'read', address, length: 4 }));
          return all;
        }
        yield* one.CompleteDMA(0);
        const first = yield* readBoth();
        yield* other.CompleteDMA(0);
        return { same: addresses[0] === addresses[1], first, second: yield* readBoth() };
      },
      { machine },
    ).result;
  }

  test('on VT-d whole descriptors share their bus addresses, which live until the last complete', () => {
    expect(two(vtd)).toEqual({ same: true, first: [ok, ok], second: [fault, fault] });
  });

  test('on VT-d a part of a descriptor has bus addresses of its own', () => {
    expect(two(vtd, 4 * KiB)).toEqual({ same: false, first: [fault, ok], second: [fault, fault] });
  });

  test('a DART gives every command its own', () => {
    expect(two({ mapper: 'dart' })).toEqual({ same: false, first: [fault, ok], second: [fault, fault] });
  });
});

test('the IOMMU maps whole pages: a device overrun within the last one is not noticed, the next page is', () => {
  const ran = inDext(
    function* (inside) {
      const [, segments] = yield* prepared(inside, inside.output);
      const { address, length } = segments[0]!;
      const end = address + length;
      const { pci } = inside.client;
      yield* obey(pci, { command: 'write', address: end, length: 64 });
      yield* obey(pci, { command: 'write', address: end - (end % (4 * KiB)) + 4 * KiB, length: 4 });
      return end % (4 * KiB);
    },
    { machine: vtd, size: 5000 },
  );
  expect(ran.result).toBe(5000 - 4096);
  expect(written(ran)).toEqual([ok, fault]);
});

test('bus addresses are handed out again after CompleteDMA', () => {
  const { result } = inDext(function* (inside) {
    const addresses: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const [command, segments] = yield* prepared(inside, inside.input);
      addresses.push(segments[0]!.address);
      yield* command.CompleteDMA(0);
    }
    return new Set(addresses).size;
  });
  expect(result).toBe(1);
});
