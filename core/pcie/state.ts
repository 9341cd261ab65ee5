/** The pcie room's part of the world: devices, their registers and local memory. */

import type { BeatStatus } from './kinds.ts';

/** Which register: `width` bytes at `offset` in a BAR. */
export interface RegisterAccess {
  readonly bar: number;
  readonly offset: number;
  readonly width: number;
}

/** A register write that the device's engine has not looked at yet. */
export interface PostedWrite extends RegisterAccess {
  readonly value: bigint;
}

/** A memory write on its way. Its payload was taken from local memory when it was posted. */
export interface WritePacket {
  readonly kind: 'write';
  /** The actor that posted it. */
  readonly engine: number;
  readonly address: number;
  readonly bytes: Uint8Array;
  /** For the log: where it belongs, and where in local memory its payload was. */
  readonly request: number;
  readonly segment: number;
  readonly local: number;
}

/** A message-signalled interrupt on its way. */
export interface MsiPacket {
  readonly kind: 'msi';
  readonly vector: number;
}

/** An `Assert_INTx` or `Deassert_INTx` message on its way (PCIe base spec 2.2.8.1). */
export interface LinePacket {
  readonly kind: 'line';
  readonly vector: number;
  readonly asserted: boolean;
}

/** What a device has sent and need not hear of again (PCIe base spec 2.4.1: posted requests). */
export type PostedPacket = WritePacket | MsiPacket | LinePacket;

/** A read request that waits for its completions. */
export interface ReadRequest {
  /** The actor that sent it. */
  readonly engine: number;
  readonly address: number;
  readonly length: number;
  readonly request: number;
  readonly segment: number;
  readonly local: number;
  /** Number of the last packet posted before it: it may not pass that one. */
  readonly behind: number;
  /** What it will be answered with, if not with data. */
  fails: BeatStatus;
}

/** One read request that a device can have in flight. */
export interface Tag {
  /** The actor that completes its requests. */
  readonly completer: number;
  /** What is in flight, if anything. */
  read: ReadRequest | null;
}

/** A PCIe function. */
export interface Device {
  readonly id: number;
  readonly name: string;
  /** Whether it is in its slot. */
  present: boolean;
  /** The first 256 bytes of configuration space. */
  config: Uint8Array;
  /** Registers, one array of bytes per BAR. */
  readonly bars: { bytes: Uint8Array }[];
  /** The device's own memory, source and target of its DMA. */
  memory: Uint8Array;
  /** The service that has the session open; 0 for none. */
  openedBy: number;
  /** Interrupt vectors that ConfigureInterrupts has set up; 0 before, and then all can be used. */
  vectors: number;
  /** Vectors whose interrupt line is asserted. */
  lines: number[];
  readonly writes: PostedWrite[];
  /** How much lies in each of the engine's internal queues. */
  readonly fifos: number[];
  /** Packets posted so far; they are numbered from 1. */
  postedCount: number;
  /** Those of them that have not landed, the oldest first. */
  readonly posted: PostedPacket[];
  readonly tags: Tag[];
  /** Engines with a transfer of which a read request has failed, and how. */
  readonly failures: Map<number, BeatStatus>;
}

/** Rights of a page in the IOMMU. */
export type DmaAccess = 'read' | 'write' | 'read-write';

/** A page in the IOMMU's table. */
export interface IommuEntry {
  readonly frame: number;
  readonly access: DmaAccess;
}
