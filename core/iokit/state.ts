/** The iokit room's part of the world: descriptors, mappings, calls, queues, ports, actions. */

import type { Mapper } from '../machine.ts';

/** A descriptor's direction. `out` is memory to device, `in` is device to memory (facts §0). */
export const directions = ['none', 'in', 'out', 'in-out'] as const;
export type Direction = (typeof directions)[number];

/** A range of a client's address space. */
export interface Range {
  readonly address: number;
  readonly length: number;
}

/** A page held by a wire. */
export interface WiredPage {
  readonly frame: number;
  readonly object: number;
  /** Page index in the object. */
  readonly page: number;
}

/** Part of a memory reference: whole pages of one VM object (facts §2.3). */
export interface ReferencePart {
  readonly object: number;
  /** Page-aligned offset into the object, in bytes. */
  readonly offset: number;
  /** Page-aligned, in bytes. */
  readonly length: number;
  /** The copy that mappings show instead of the live object; 0 for none. */
  snapshot: number;
}

/** `sub` and `multi` have no ranges: they stand on other descriptors (facts §5.1). */
export const descriptorTypes = ['general', 'buffer', 'sub', 'multi'] as const;

/** An `IOMemoryDescriptor`. */
export interface Descriptor {
  readonly id: number;
  readonly type: (typeof descriptorTypes)[number];
  /** Whose addresses the ranges are: looked up when first needed (facts §2.2). */
  readonly task: number;
  readonly ranges: Range[];
  length: number;
  readonly direction: Direction;
  readonly copyOnWrite: boolean;
  /** Whether preparing takes a lock; struct arguments have none (facts §1.3). */
  readonly threadSafe: boolean;
  /** The actor inside prepare or complete, where there is a lock; 0 for nobody. */
  lockedBy: number;
  wireCount: number;
  /** The direction that the pages were wired for. */
  wireDirection: Direction;
  readonly wired: WiredPage[];
  /** The memory reference; empty until the first mapping makes it (facts §2.3). */
  readonly parts: ReferencePart[];
  /** What a Sub (one) or a Multi stands on, in order; each is held by a reference. */
  readonly children: number[];
  /** Where a Sub begins in what it stands on, in bytes. */
  start: number;
  /** The IOVA shared by all commands under the system mapper; 0 for none (facts §4.6). */
  sharedIova: number;
  /** References that commands which were freed half-dead have left behind (facts §4.2 (4)). */
  leaked: number;
}

/** How a mapping shows its memory: what a later one must ask for to get it again (facts §2.3, MD:5615). */
export interface MapOptions {
  readonly readOnly: boolean;
  /** Bytes that are kept free before and behind it. */
  readonly guard: number;
  /** As the caller asked for it; 0, the default, fits any. */
  readonly cacheMode: number;
}

/** An `IOMemoryMap`: a descriptor's memory in an address space. */
export interface Mapping extends MapOptions {
  readonly id: number;
  readonly descriptor: number;
  /** Where in the descriptor it begins, in bytes. */
  readonly offset: number;
  readonly task: number;
  readonly address: number;
  readonly length: number;
  /** The mapping that it is a part of, and keeps; 0 for one that has its own pages. */
  readonly within: number;
}

/** An `IODMACommand`. */
export interface Command {
  readonly id: number;
  /** The object it was made for: a PCI nub, or by mistake another service (facts §4.1). */
  readonly device: number;
  readonly maxAddressBits: number;
  /** What translates its addresses, as the kernel sees it. */
  readonly mapper: Mapper;
  lockedBy: number;
  /** The descriptor set by the last prepare; 0 for none. */
  descriptor: number;
  /** Prepares not completed. Stays up after a prepare that failed late: the half-dead command (facts §4.2 (4)). */
  active: boolean;
  prepared: boolean;
  offset: number;
  length: number;
  /** First bus address of its IOMMU mapping; 0 for none. */
  iova: number;
  iovaLength: number;
  /** The VM object of its bounce pages, by position in the window; 0 for none (facts §4.6). */
  bounce: number;
  segments: Range[];
}

/** Which way bounce pages are copied: from the memory, or back to it. */
export const syncDirections = ['out', 'in'] as const;
export type SyncDirection = (typeof syncDirections)[number];

/** What `PerformOperation` does with the prepared memory (facts §4.4). */
export const dmaOperations = ['read', 'write', 'zero'] as const;
export type DmaOperation = (typeof dmaOperations)[number];

/** An `OSAction`: it completes an asynchronous call, or calls the dext back. */
export interface Action {
  readonly id: number;
  /** Where the completion goes; 0 once it was aborted, and for a callback. */
  port: number;
  /** The 8-byte reference words that the app passed. */
  readonly reference: Uint8Array;
  /** Whether it calls nobody back any more. */
  cancelled: boolean;
  /** From WillWait to EndWait: whether a callback has ended that no Wait has seen, and what the last Wait returned. */
  wait: { readonly called: boolean; readonly code: number } | null;
}

export interface Message {
  readonly code: number;
  readonly arguments: Uint8Array;
  readonly reference: Uint8Array;
}

/** A Mach port of the app. */
export interface Port {
  readonly id: number;
  readonly task: number;
  readonly messages: Message[];
  /** Asynchronous calls that were never completed. */
  readonly awaited: Awaited[];
}

/** An asynchronous call without a completion. */
export interface Awaited {
  readonly action: number;
  readonly selector: number;
  /** Whether the action's last reference has gone: then none will come. */
  dropped: boolean;
}

export const serviceStates = ['active', 'stopping', 'stopped', 'terminated'] as const;
export type ServiceState = (typeof serviceStates)[number];

/** A service that the dext has published. */
export interface Service {
  readonly id: number;
  readonly name: string;
  readonly task: number;
  /** What it was started on: a service or a device. */
  readonly provider: number;
  registered: boolean;
  /** `stopped`: the dext has called super::Stop; `terminated`: the kernel is done with it. */
  state: ServiceState;
}

/** A user client: one `IOServiceOpen`. */
export interface Connection {
  readonly id: number;
  readonly service: number;
  readonly task: number;
  /** External methods in flight: they hold the lock for reading (facts §1.4). */
  readers: number;
  /** The actor that holds the lock for writing; 0 for nobody. */
  writer: number;
  /** Actors that want the lock for writing: later readers queue behind them. */
  writersWaiting: number;
  state: 'open' | 'closing' | 'stopped';
  /** What `IOConnectMapMemory64` has mapped for the app: it goes with the connection (facts §6). */
  readonly mappings: number[];
}

/** A call of the `IOConnectCall` family, while it is under way. */
export interface Call {
  readonly id: number;
  readonly connection: number;
  readonly selector: number;
  /** The app's thread. */
  readonly actor: number;
  /** Its action, when it is asynchronous; 0 for none. */
  action: number;
  /** The inline struct input, as copied into the message (facts §1.1 (3)). */
  readonly input: Uint8Array;
  /** The inline struct output, as the dext set it. */
  output: Uint8Array;
}

/** Work on a dispatch queue. */
export interface WorkItem {
  readonly id: number;
  readonly queue: number;
  readonly method: string;
  /** Whether somebody waits for the answer. */
  readonly answered: boolean;
  /** Whether it may run beside others of its kind. */
  readonly concurrent: boolean;
  /** The actor that runs it; 0 before that. */
  actor: number;
  state: 'queued' | 'running' | 'done';
  code: number;
}

/** An `IODispatchQueue`: serial, first in, first out (facts §7.4). */
export interface Queue {
  readonly id: number;
  readonly name: string;
  readonly task: number;
  readonly items: number[];
  /** Whether one that sleeps on it lets the next item run. */
  readonly reentrant: boolean;
  /** The item that is being run alone; 0 for none, also while all that were begun sleep. */
  running: number;
  /** Concurrent items that are being run. */
  readonly together: number[];
  /** The actor that takes the next item; 0 before the first. */
  server: number;
  /** How many actors have served it. */
  servers: number;
  /** Who sleeps on it, the longest first. */
  readonly sleepers: Sleeper[];
  cancelled: boolean;
}

/** Who waits in `IODispatchQueue::Sleep`. */
export interface Sleeper {
  readonly actor: number;
  readonly event: number;
  awake: boolean;
}

/** An `IOInterruptDispatchSource` (facts §7.2), or an `IOTimerDispatchSource`. */
export interface DispatchSource {
  readonly id: number;
  /** 0 for a timer. */
  readonly device: number;
  readonly vector: number;
  readonly queue: number;
  /** The action that is its handler; 0 for none. */
  action: number;
  /** The actor that waits for the time to come; 0 unless it is a timer that is set. */
  timer: number;
  enabled: boolean;
  cancelled: boolean;
  /** Interrupts since the last delivery; for a timer, whether it has gone off. */
  count: number;
  /** When the last one came, in nanoseconds. */
  time: number;
  /** Whether its line is masked: from when it was asserted until the handler has run (facts §7.2). */
  masked: boolean;
  /** Whether its handler is already on the queue. */
  queued: boolean;
}
