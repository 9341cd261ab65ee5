import { KiB } from './units.ts';

/** Which IOMMU translates the device's addresses (facts §4.6). */
export const mappers = ['none', 'vtd', 'dart'] as const;
export type Mapper = (typeof mappers)[number];

/** Which macOS the kernel is modelled after (facts §4.5, §12 "Switches"). */
export type Era = 'before-13.3' | '13.3-14.1' | '14.2';

/** A simulated Mac. Every value is a switch that `--set machine.<name>=<value>` can change. */
export interface MachineOptions {
  /** Bytes in a page: 4 KiB (Intel) or 16 KiB (Apple silicon). */
  readonly pageSize: number;
  readonly mapper: Mapper;
  /** Whether a DART refuses writes to pages mapped read-only; reported not to (facts §4.6). */
  readonly dartEnforcesReadOnly: boolean;
  readonly era: Era;
  /** How the kernel hands out physical pages: never next to each other, in order, or every other one below 4 GiB. */
  readonly physical: 'scattered' | 'contiguous' | 'mixed';
  /** How a snapshot of a small heap block is made: copied at once, or on write (facts §2.6); it moves only the cost. */
  readonly mallocZones: 'eager' | 'copy-on-write';
  /** Widest single CPU access of `memset`, `memcpy` and bulk loads and stores, in bytes. */
  readonly storeWidth: number;
  /** Bytes moved by one DMA beat. */
  readonly beat: number;
  /** Max_Payload_Size: bytes of data in one packet, at most (PCIe base spec 7.5.3.4). */
  readonly mps: number;
  /** Max_Read_Request_Size: bytes that one read request asks for, at most (PCIe base spec 7.5.3.4). */
  readonly mrrs: number;
  /** Read Completion Boundary: where the completions of one request may be cut, in bytes (PCIe base spec 2.3.1.1). */
  readonly rcb: number;
  /** Read requests that a device can have in flight. */
  readonly tags: number;
  /** Posted packets that a device can have on their way before it must wait for credits (PCIe base spec 2.6). */
  readonly credits: number;
  /** Whether the app may open the service; what the open fails with otherwise (facts §3.6). */
  readonly entitlement: 'granted' | 'not-permitted' | 'not-privileged';
}

/** An Apple-silicon Mac with macOS 14.2 or later. */
export const defaultMachine: MachineOptions = {
  pageSize: 16 * KiB,
  mapper: 'dart',
  dartEnforcesReadOnly: false,
  era: '14.2',
  physical: 'scattered',
  mallocZones: 'eager',
  storeWidth: 64,
  beat: 64,
  mps: 256,
  mrrs: 512,
  rcb: 64,
  tags: 4,
  credits: 8,
  entitlement: 'granted',
};

interface Check {
  readonly accepts: (value: unknown) => boolean;
  readonly says: string;
  /** All of them, when there are few. */
  readonly values?: readonly (string | number | boolean)[];
}

const powerOfTwo = (from: number, to: number): Check => ({
  accepts: (v) =>
    Number.isInteger(v) && (v as number) >= from && (v as number) <= to && Math.log2(v as number) % 1 === 0,
  says: `a power of two from ${from} to ${to}`,
  values: Array.from({ length: Math.log2(to / from) + 1 }, (_, power) => from * 2 ** power),
});
const between = (from: number, to: number): Check => ({
  accepts: (v) => Number.isInteger(v) && (v as number) >= from && (v as number) <= to,
  says: `a whole number from ${from} to ${to}`,
});
const oneOf = (...names: readonly (string | number | boolean)[]): Check => ({
  accepts: (v) => names.includes(v as string),
  says: names.join(', '),
  values: names,
});

const checks: { readonly [Name in keyof MachineOptions]: Check } = {
  pageSize: oneOf(4 * KiB, 16 * KiB),
  mapper: oneOf(...mappers),
  dartEnforcesReadOnly: oneOf(true, false),
  era: oneOf('before-13.3', '13.3-14.1', '14.2'),
  physical: oneOf('scattered', 'contiguous', 'mixed'),
  mallocZones: oneOf('eager', 'copy-on-write'),
  storeWidth: powerOfTwo(1, 4 * KiB),
  beat: powerOfTwo(4, 4 * KiB),
  mps: powerOfTwo(128, 4 * KiB),
  mrrs: powerOfTwo(128, 4 * KiB),
  rcb: oneOf(64, 128),
  tags: between(1, 256),
  credits: between(1, 1024),
  entitlement: oneOf('granted', 'not-permitted', 'not-privileged'),
};

/** The values that a switch can have; undefined when there are many, or no such switch. */
export function machineValues(name: string): readonly (string | number | boolean)[] | undefined {
  return Object.hasOwn(checks, name) ? checks[name as keyof MachineOptions].values : undefined;
}

/**
 * Fills in what a scenario leaves out.
 * @throws {RangeError} naming the option, its value and what is allowed
 */
export function machineFrom(options: Partial<MachineOptions>): MachineOptions {
  const machine = { ...defaultMachine, ...options };
  for (const [name, check] of Object.entries(checks)) {
    const value = machine[name as keyof MachineOptions];
    if (!check.accepts(value)) throw new RangeError(`machine.${name} is ${String(value)}; allowed: ${check.says}`);
  }
  return Object.freeze(machine);
}

/** The last machine that was written or read: a search does so with the same one thousands of times a second. */
let last: { readonly machine: MachineOptions; readonly text: string } = { machine: defaultMachine, text: '' };

/** A machine as JSON. */
export function textOf(machine: MachineOptions): string {
  if (last.machine !== machine || last.text === '') last = { machine, text: JSON.stringify(machine) };
  return last.text;
}

/** The machine that JSON describes. Not to be changed. */
export function machineOf(text: string): MachineOptions {
  if (last.text !== text) last = { machine: Object.freeze(JSON.parse(text) as MachineOptions), text };
  return last.machine;
}
