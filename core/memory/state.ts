/** The memory room's part of the world: frames, VM objects, address spaces, heaps. */

/** A physical page. */
export interface Frame {
  readonly number: number;
  bytes: Uint8Array;
  /** How many wires hold it; a wired frame is neither freed nor moved (facts §9). */
  wires: number;
  /** From `MADV_FREE` until it is written: memory pressure drops its contents (facts §9). */
  discardable: boolean;
}

/** How a copy of the object is made (facts §2.6); of bounce pages there is none. */
export const copyStrategies = ['delay', 'delay-fork', 'none'] as const;
export type CopyStrategy = (typeof copyStrategies)[number];

/** What `madvise` can say, in the order of its constants (sys/mman.h). */
export const advices = ['normal', 'random', 'sequential', 'willneed', 'dontneed', 'free'] as const;

/** A VM object: pages that several address spaces and descriptors can share. */
export interface VmObject {
  readonly id: number;
  readonly size: number;
  readonly strategy: CopyStrategy;
  /** Page index to frame number; a page that is absent is looked up in `shadow`, else zero. */
  readonly pages: Map<number, number>;
  /** Page index to contents, for pages that are swapped out: they are the object's own all the same. */
  readonly swapped: Map<number, Uint8Array>;
  /** The object that a copy-on-write copy still takes its untouched pages from; 0 for none. */
  shadow: number;
  /** The newest copy-on-write copy that reads this object, into which old pages are pushed before a write; 0 for none. */
  copy: number;
  /** Map entries, memory references, shadowing objects and calls under way that keep it. */
  references: number;
  /** Wired pages: they defer the object's end until the last unwire (facts §9). */
  activity: number;
}

export const protections = ['none', 'read', 'read-write'] as const;
export type Protection = (typeof protections)[number];

/** One range of an address space: `[start, end)`, page-aligned. */
export interface MapEntry {
  readonly start: number;
  readonly end: number;
  readonly object: number;
  /** Where `start` lies in the object, in bytes. */
  readonly offset: number;
  readonly protection: Protection;
  /** Whether a child process gets the same memory rather than a copy (`MAP_SHARED`, VM_INHERIT_SHARE). */
  readonly shared: boolean;
}

/** A hardware translation, entered by a fault. */
export interface Translation {
  readonly frame: number;
  writable: boolean;
}

/** A heap block handed out by `malloc` or `posix_memalign`. */
export interface HeapBlock {
  readonly address: number;
  /** Bytes asked for. */
  readonly size: number;
  /** Bytes set aside: what a later allocation must ask for to get the same block again. */
  readonly capacity: number;
}

/** The app's malloc: who owns what, and what can be handed out again, newest first. */
export interface Heap {
  readonly blocks: Map<number, HeapBlock>;
  readonly free: Map<number, number[]>;
  /** Unused rest of the small zone's newest region. */
  zoneNext: number;
  zoneEnd: number;
}

/** The name of the kernel's own task, which a kernel extension runs in. */
export const kernelTask = 'kernel';

/** What ends a process: its main program returns, it calls exit, somebody kills it, it crashes, or the scenario is wrong. */
export const deaths = ['returned', 'exit', 'kill', 'crash', 'error'] as const;
export type Death = (typeof deaths)[number];

/** A process: the app, the dext, or the kernel. */
export interface Task {
  readonly id: number;
  readonly name: string;
  /** Sorted by `start`, never overlapping. */
  entries: MapEntry[];
  /** Virtual page number to translation. */
  readonly translations: Map<number, Translation>;
  readonly heap: Heap;
  /** VM objects that calls of its threads hold while they copy. */
  readonly copies: number[];
  /** What other processes have mapped into it with `IOConnectMapMemory64`, once for each call: it goes with its ports (facts §6). */
  readonly mappings: number[];
  /** `dying`: no thread of it runs in user space; `disconnected`: its ports are gone; `gone`: its memory too (facts §3.6). */
  state: 'alive' | 'dying' | 'disconnected' | 'gone';
  /** What ended it. */
  death: Death | 'none';
}
