/** Random lists of moves against a model of facts §12 "Resolve" and "CPU view" that fits on a page. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kIOReturnCannotWire, kIOReturnError, KiB } from '../../../index.ts';
import { bytes, play, readBy, type Move, type Played } from '../../support/rig.ts';
import { run } from '../../support/run.ts';

/** Physical memory behind an address: what mappings of it share. */
interface Cell {
  value: number;
}

interface Descriptor {
  /** The memory reference; made by the first mapping. */
  reference: Cell | undefined;
  snapshot: number;
  wires: number;
  wired: Cell | undefined;
}

/** What must be seen, and the moves that make sense: the others are left out. */
function predict(wanted: readonly Move[]): Played & { moves: Move[] } {
  const moves: Move[] = [];
  const seen = { looks: [] as number[], reads: [] as number[], codes: [] as number[] };
  let memory: Cell | undefined = { value: bytes.old };
  let descriptor: Descriptor | undefined;
  let shown: Descriptor | undefined;
  let out: { cell: Cell | undefined; of: Descriptor } | undefined;
  let into: { cell: Cell } | undefined;

  /** Whether the move made sense. `number` is what it writes, if it writes. */
  function make(move: Move, number: number): boolean {
    switch (move) {
      case 'write':
        if (memory !== undefined) memory.value = number;
        return memory !== undefined;
      case 'unmap':
        memory = undefined;
        return true;
      case 'remap':
        memory = { value: number };
        return true;
      case 'call':
        descriptor = { reference: undefined, snapshot: 0, wires: 0, wired: undefined };
        return true;
      case 'map':
        if (descriptor === undefined) return false;
        if (descriptor.reference === undefined && memory !== undefined) {
          descriptor.reference = memory;
          descriptor.snapshot = memory.value;
        }
        seen.codes.push(descriptor.reference === undefined ? kIOReturnError : 0);
        if (descriptor.reference !== undefined) shown = descriptor;
        return true;
      case 'look':
        if (shown !== undefined) seen.looks.push(shown.snapshot);
        return shown !== undefined;
      case 'prepare': {
        if (descriptor === undefined) return false;
        const cell: Cell | undefined = descriptor.wired ?? descriptor.reference ?? memory;
        seen.codes.push(cell === undefined ? kIOReturnCannotWire : 0);
        out = { cell, of: descriptor };
        if (cell === undefined) return true;
        descriptor.wired = cell;
        descriptor.wires += 1;
        return true;
      }
      case 'read':
        // Not after `complete`: the bus address may be another's by now.
        if (out?.cell === undefined) return false;
        seen.reads.push(out.cell.value);
        return true;
      case 'complete':
        if (out?.cell === undefined) return false;
        out.cell = undefined;
        out.of.wires -= 1;
        if (out.of.wires === 0) out.of.wired = undefined;
        return true;
      case 'wire in':
        if (memory !== undefined) into = { cell: memory };
        return memory !== undefined;
      case 'device writes':
        if (into !== undefined) into.cell.value = number;
        return into !== undefined;
      case 'unwire in': {
        const was = into;
        into = undefined;
        return was !== undefined;
      }
    }
  }

  for (const move of wanted) if (make(move, moves.length + 1)) moves.push(move);
  return { moves, ...seen };
}

const everyMove: readonly Move[] = [
  'write',
  'call',
  'map',
  'look',
  'prepare',
  'read',
  'complete',
  'unmap',
  'remap',
  'wire in',
  'device writes',
  'unwire in',
];

const move = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...everyMove) },
  { weight: 5, arbitrary: fc.constantFrom<Move>('write', 'look', 'prepare', 'read', 'read', 'map') },
);

test('mappings and the device see what the rules say', () => {
  const counts = { looks: 0, reads: 0, changed: 0 };
  fc.assert(
    fc.property(
      fc.array(move, { minLength: 10, maxLength: 60, size: 'max' }),
      fc.constantFrom(4 * KiB, 16 * KiB),
      fc.nat(),
      (wanted, pageSize, seed) => {
        const { moves, looks, reads, codes } = predict(['call', ...wanted]);
        const ran = run(play({ moves, machine: { pageSize }, counting: true }), { seed });
        expect(ran.result.codes).toEqual(codes);
        expect(ran.result.looks).toEqual(looks);
        expect(readBy(ran.result, ran.deviceMemory)).toEqual(reads);
        counts.looks += looks.length;
        counts.reads += reads.length;
        counts.changed += new Set([...looks, ...reads]).size;
      },
    ),
    { seed: 8, numRuns: 150 },
  );
  // Enough was looked at, and it was not all the same.
  expect(counts.looks).toBeGreaterThan(300);
  expect(counts.reads).toBeGreaterThan(300);
  expect(counts.changed).toBeGreaterThan(200);
});
