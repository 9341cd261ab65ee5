/** The pcie room's part of the world: devices, their registers and local memory. */

/** A register write that the device's engine has not looked at yet. */
export interface PostedWrite {
  readonly bar: number;
  readonly offset: number;
  readonly width: number;
  readonly value: bigint;
}

/** A PCIe function. */
export interface Device {
  readonly id: number;
  readonly name: string;
  /** The first 256 bytes of configuration space. */
  config: Uint8Array;
  /** Registers, one array of bytes per BAR. */
  readonly bars: { bytes: Uint8Array }[];
  /** The device's own memory, source and target of its DMA. */
  memory: Uint8Array;
  /** The service that has the session open; 0 for none. */
  openedBy: number;
  readonly writes: PostedWrite[];
  /** How much lies in each of the engine's internal queues. */
  readonly fifos: number[];
}

/** Rights of a page in the IOMMU. */
export type DmaAccess = 'read' | 'write' | 'read-write';

/** A page in the IOMMU's table. */
export interface IommuEntry {
  readonly frame: number;
  readonly access: DmaAccess;
}
