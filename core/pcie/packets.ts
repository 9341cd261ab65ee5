/** How transfers are cut into transaction-layer packets (PCIe base spec 2.2.2, 2.2.7, 2.3.1.1). */
import type { MachineOptions } from '../machine.ts';
import { KiB } from '../units.ts';

/** No request may cross such a boundary (PCIe base spec 2.2.7). */
const requestBoundary = 4 * KiB;

/** Where the request that begins at `address` ends: within the size, the boundary and the transfer. */
function requestEnd(address: number, end: number, size: number): number {
  return Math.min(end, address + size, address - (address % requestBoundary) + requestBoundary);
}

/** Where a memory write that begins at `address` ends, of a transfer up to `end`. */
export function writeEnd({ mps }: MachineOptions, address: number, end: number): number {
  return requestEnd(address, end, mps);
}

/** Where a read request that begins at `address` ends, of a transfer up to `end`. */
export function readEnd({ mrrs }: MachineOptions, address: number, end: number): number {
  return requestEnd(address, end, mrrs);
}

/**
 * Where the completion that `address` belongs to ends, of a request from `start` to `end`. Completions are as
 * long as they may be: all but the last end at a read completion boundary (PCIe base spec 2.3.1.1).
 */
export function completionEnd({ mps, rcb }: MachineOptions, start: number, end: number, address: number): number {
  const first = start + mps - ((start + mps) % rcb);
  const next = address < first ? first : address - ((address - first) % mps) + mps;
  return Math.min(end, next);
}

/** Where the beat that begins at `address` ends, of a packet up to `end`. */
export function beatEnd({ beat }: MachineOptions, address: number, end: number): number {
  return Math.min(end, address - (address % beat) + beat);
}
