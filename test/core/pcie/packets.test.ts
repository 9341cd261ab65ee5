/** How transfers are cut into packets: PCIe base spec 2.2.7 and 2.3.1.1. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KiB, type MachineOptions } from '../../../index.ts';
import { machineFrom } from '../../../core/machine.ts';
import { completionEnd, readEnd, writeEnd } from '../../../core/pcie/packets.ts';
import { prepared } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';
import { run } from '../../support/run.ts';

const power = (from: number, to: number): fc.Arbitrary<number> =>
  fc.integer({ min: Math.log2(from), max: Math.log2(to) }).map((exponent) => 2 ** exponent);

const machines: fc.Arbitrary<MachineOptions> = fc
  .record({
    mps: power(128, 4 * KiB),
    mrrs: power(128, 4 * KiB),
    rcb: power(64, 128),
    beat: power(16, 4 * KiB),
    tags: fc.integer({ min: 1, max: 6 }),
    credits: fc.integer({ min: 1, max: 9 }),
    pageSize: fc.constant(4 * KiB),
  })
  .map(machineFrom);

type Piece = readonly [from: number, to: number];

/** Cuts [from, to) at the ends that the rule gives. */
function cut(from: number, to: number, end: (address: number) => number): Piece[] {
  const pieces: Piece[] = [];
  for (let at = from; at < to; at = pieces.at(-1)![1]) pieces.push([at, end(at)]);
  return pieces;
}

const crosses = ([from, to]: Piece, boundary: number): boolean =>
  Math.floor(from / boundary) !== Math.floor((to - 1) / boundary);

/** The pieces lie one behind the other, and are all of [from, to). */
function expectWhole(pieces: readonly Piece[], from: number, to: number): void {
  const starts = [...pieces.map((piece) => piece[0]), to];
  expect(starts).toEqual([from, ...pieces.map((piece) => piece[1])]);
  for (const [start, end] of pieces) expect(end).toBeGreaterThan(start);
}

describe('the rules', () => {
  test('by hand: a write of 600 bytes at 0xf80', () => {
    const machine = machineFrom({ mps: 256 });
    const pieces = cut(0xf80, 0xf80 + 600, (at) => writeEnd(machine, at, 0xf80 + 600));
    expect(pieces).toEqual([
      [0xf80, 0x1000], // the 4 KiB boundary
      [0x1000, 0x1100], // the payload's size
      [0x1100, 0x11d8],
    ]);
  });

  test('by hand: the completions of 512 bytes at 0x1010', () => {
    const machine = machineFrom({ mps: 256, rcb: 64 });
    const pieces = cut(0x1010, 0x1210, (at) => completionEnd(machine, 0x1010, 0x1210, at));
    expect(pieces).toEqual([
      [0x1010, 0x1100], // the last boundary within 256 bytes
      [0x1100, 0x1200],
      [0x1200, 0x1210],
    ]);
  });

  test('of any transfer', () => {
    fc.assert(
      fc.property(machines, fc.nat({ max: 20_000 }), fc.integer({ min: 1, max: 20_000 }), (machine, from, length) => {
        const to = from + length;
        const writes = cut(from, to, (at) => writeEnd(machine, at, to));
        const reads = cut(from, to, (at) => readEnd(machine, at, to));
        for (const [pieces, size] of [
          [writes, machine.mps],
          [reads, machine.mrrs],
        ] as const) {
          expectWhole(pieces, from, to);
          for (const piece of pieces) {
            expect(piece[1] - piece[0]).toBeLessThanOrEqual(size);
            expect(crosses(piece, 4 * KiB)).toBe(false);
          }
        }
        for (const [start, end] of reads) {
          const completions = cut(start, end, (at) => completionEnd(machine, start, end, at));
          expectWhole(completions, start, end);
          for (const [a, b] of completions) {
            expect(b - a).toBeLessThanOrEqual(machine.mps);
            if (b !== end) expect(b % machine.rcb).toBe(0);
            // The rule can be asked in the middle of a completion.
            const middle = a + Math.floor((b - a) / 2);
            expect(completionEnd(machine, start, end, middle)).toBe(b);
          }
        }
      }),
      { seed: 1, numRuns: 100 },
    );
  });
});

const bytesOf = (count: number, salt: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (i * 7 + salt + (i >> 8)) & 0xff);

test('random transfers: every byte arrives, in packets and beats that keep the rules', () => {
  const transfer = fc.record({
    machine: machines,
    offset: fc.nat({ max: 5_000 }),
    length: fc.integer({ min: 1, max: 9_000 }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(transfer, ({ machine, offset, length, seed }) => {
      const size = 16 * KiB;
      const sent = bytesOf(length, seed);
      let bus: [input: number, output: number] = [0, 0];
      const { result, events, deviceMemory } = run<Uint8Array>(
        {
          machine,
          *method(args, client) {
            const { structureInputDescriptor: input, structureOutputDescriptor: output } = args;
            const [, from] = yield* prepared({ client }, input!);
            const [, into] = yield* prepared({ client }, output!);
            bus = [from[0]!.address + offset, into[0]!.address + offset];
            yield* obey(client.pci, { command: 'read', address: bus[0], length, local: 100 });
            yield* obey(client.pci, { command: 'write', address: bus[1], length, local: 100 });
            return 0;
          },
          *app(app, connect) {
            const input = yield* app.mmap(size);
            const output = yield* app.mmap(size);
            yield* app.write(input + offset, sent);
            yield* app.IOConnectCallStructMethod(connect, 0, input, size, output, size);
            return yield* app.read(output + offset, length);
          },
        },
        { seed },
      );
      expect(deviceMemory.slice(100, 100 + length)).toEqual(sent);
      expect(result).toEqual(sent);

      const pieces = (kind: string): Piece[] =>
        events.flatMap((event) =>
          event.kind === kind && 'address' in event
            ? [[event.address, event.address + (event as { length: number }).length]]
            : [],
        ) as Piece[];
      const [reads, writes] = [pieces('tlp.read'), pieces('tlp.write')];
      expect(reads).toEqual(cut(bus[0], bus[0] + length, (at) => readEnd(machine, at, bus[0] + length)));
      expect(writes).toEqual(cut(bus[1], bus[1] + length, (at) => writeEnd(machine, at, bus[1] + length)));
      expectWhole(pieces('dma.write'), bus[1], bus[1] + length);
      const beats = pieces('dma.read');
      for (const [start, end] of reads) {
        const own = beats.filter(([a]) => start <= a && a < end);
        expectWhole(own, start, end);
        for (const [a, b] of own) {
          expect(b).toBeLessThanOrEqual(completionEnd(machine, start, end, a));
          expect(crosses([a, b], machine.beat)).toBe(false);
        }
      }
    }),
    { seed: 2, numRuns: 40 },
  );
});
