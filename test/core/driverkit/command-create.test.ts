/** facts §4.1: what IODMACommand::Create refuses. */
import { describe, expect, test } from 'vitest';
import {
  IODMACommand,
  kIOReturnBadArgument,
  kIOReturnNoMemory,
  kIOReturnSuccess,
  KiB,
  type MachineOptions,
} from '../../../index.ts';
import { inDext } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';

function create(
  options: number,
  specification: { options?: number; maxAddressBits: number },
  machine: Partial<MachineOptions> = {},
): unknown {
  const ran = inDext(
    function* ({ client }) {
      const [code, command] = yield* IODMACommand.Create(client.pci, options, specification);
      return [code, command !== null];
    },
    { machine },
  );
  // Either there is a command, or a refusal that says why.
  expect(ran.of('command.create')).toHaveLength(ran.of('refuse').length === 0 ? 1 : 0);
  return ran.result;
}

const made = [kIOReturnSuccess, true];

test('options other than 0: BadArgument', () => {
  expect(create(1, { maxAddressBits: 64 })).toEqual([kIOReturnBadArgument, false]);
});

test('more than 255 address bits: BadArgument', () => {
  expect(create(0, { maxAddressBits: 256 })).toEqual([kIOReturnBadArgument, false]);
});

describe.each([
  { pageSize: 4 * KiB, pageBits: 12 },
  { pageSize: 16 * KiB, pageBits: 14 },
])('with pages of $pageSize bytes', ({ pageSize, pageBits }) => {
  test('1 to page bits - 1 address bits: NoMemory', () => {
    for (let bits = 1; bits < pageBits; bits += 1) {
      expect(create(0, { maxAddressBits: bits }, { pageSize })).toEqual([kIOReturnNoMemory, false]);
    }
  });

  test.each([0, pageBits, 32, 63, 64, 255])('%i address bits are fine', (bits) => {
    expect(create(0, { maxAddressBits: bits }, { pageSize })).toEqual(made);
  });
});

test("the specification's own options are never read", () => {
  expect(create(0, { options: 0xffff, maxAddressBits: 64 })).toEqual(made);
});

describe('for a service instead of the PCI nub (§4.1, §10 (45))', () => {
  const read = (machine: Partial<MachineOptions>): unknown =>
    inDext(
      function* ({ client, input }) {
        const [code, command] = yield* IODMACommand.Create(client.driver, 0, { maxAddressBits: 64 });
        const [prepared, , count, [segment]] = yield* command!.PrepareForDMA(0, input, 0, 0);
        return [
          code,
          prepared,
          count,
          yield* obey(client.pci, { command: 'read', address: segment!.address, length: 8 }),
        ];
      },
      { machine },
    ).result;

  test.each([
    ['a DART is not its mapper: physical addresses, which the DART does not translate', 'dart', 3, 'iommu-fault'],
    ['VT-d is the system mapper, whoever asks', 'vtd', 1, 'ok'],
    ['without a mapper there is nothing to mistake', 'none', 3, 'ok'],
  ] as const)('%s', (_what, mapper, segments, status) => {
    expect(read({ mapper })).toEqual([0, 0, segments, status]);
  });
});
