import type { AnyEvent } from '../../core/events.ts';
import type { Clock } from './clocks.ts';

/** How memory is accessed. */
export interface AccessKind {
  readonly write: boolean;
  /** By a device. */
  readonly dma: boolean;
  readonly atomic: boolean;
  /** Taking a snapshot, which reads all of its bytes. */
  readonly snapshot: boolean;
}

const plain = { write: false, dma: false, atomic: false, snapshot: false };
export const cpuRead: AccessKind = plain;
export const cpuWrite: AccessKind = { ...plain, write: true };
export const atomicRead: AccessKind = { ...plain, atomic: true };
export const atomicWrite: AccessKind = { ...plain, atomic: true, write: true };
export const deviceRead: AccessKind = { ...plain, dma: true };
export const deviceWrite: AccessKind = { ...plain, dma: true, write: true };
export const snapshotRead: AccessKind = { ...plain, snapshot: true };

/** Who accesses memory, and what it knew then; one object for all its accesses until that changes. */
export interface Origin {
  /** For DMA the engine that issued the request, whoever carries it out. */
  readonly actor: number;
  /** For DMA as of the request. */
  readonly clock: Clock;
  /** The mutexes that it held. */
  readonly held: readonly number[];
  /** Where the first beat of its segment went, to count beats; 0 for a CPU. */
  readonly begin: number;
}

/** An access to a range of one page. */
export interface Access {
  readonly seq: number;
  readonly event: AnyEvent;
  readonly kind: AccessKind;
  readonly origin: Origin;
  /** The address that was used. */
  readonly address: number;
  /** Byte bounds in the page, `to` exclusive. */
  readonly from: number;
  readonly to: number;
}

/** Whether the first access is ordered before the second, which came later. */
export function ordered(first: Access, second: Access): boolean {
  const { actor, clock } = first.origin;
  return actor === second.origin.actor || (second.origin.clock[actor] ?? 0) >= clock[actor]!;
}
