/** Random small scenarios: what two app threads do, and what the dext does in the calls they make. */
import fc from 'fast-check';
import {
  kIOMemoryDirectionIn,
  kIOMemoryDirectionInOut,
  kIOMemoryDirectionOut,
  kIOMemoryDisableCopyOnWrite,
  KiB,
  PROT_NONE,
  PROT_READ,
  type MachineOptions,
} from '../../index.ts';

/** What the dext does next in a call. Numbers pick among what there is, by remainder. */
export type DextStep =
  | { readonly do: 'keep' | 'unmap' | 'complete' | 'release' | 'await'; readonly pick: number }
  | {
      readonly do: 'map' | 'prepare' | 'prepare again';
      readonly pick: number;
      readonly offset: number;
      readonly length: number;
      /** Address bits of a command that is made for it. */
      readonly bits: number;
    }
  | { readonly do: 'look' | 'poke'; readonly pick: number; readonly offset: number }
  | {
      readonly do: 'describe';
      readonly options: number;
      readonly ranges: readonly (readonly [offset: number, length: number])[];
    }
  | {
      readonly do: 'part';
      readonly pick: number;
      readonly options: number;
      readonly offset: number;
      readonly length: number;
    }
  | {
      readonly do: 'perform';
      readonly pick: number;
      readonly options: number;
      readonly offset: number;
      readonly length: number;
    }
  | { readonly do: 'join'; readonly picks: readonly number[]; readonly options: number }
  | {
      readonly do: 'device reads' | 'device writes';
      readonly pick: number;
      readonly offset: number;
      readonly length: number;
    };

/** What an app thread does next. `slot` picks one of its buffers; offsets and lengths are cut to fit. */
export type AppStep =
  | { readonly do: 'malloc' | 'memalign' | 'mmap'; readonly size: number }
  | { readonly do: 'free' | 'remap'; readonly slot: number }
  | {
      readonly do: 'memset' | 'store' | 'load';
      readonly slot: number;
      readonly offset: number;
      readonly length: number;
      readonly value: number;
    }
  | { readonly do: 'protect'; readonly slot: number; readonly protection: number; readonly page: number }
  | { readonly do: 'pressure'; readonly slot: number }
  | {
      readonly do: 'advise' | 'copy';
      readonly slot: number;
      readonly offset: number;
      readonly length: number;
      readonly other: number;
    }
  | { readonly do: 'fork'; readonly slot: number; readonly value: number; readonly wait: boolean }
  | { readonly do: 'share'; readonly slot: number; readonly value: number; readonly unmap: boolean }
  | { readonly do: 'add'; readonly slot: number; readonly offset: number; readonly locked: boolean }
  | {
      readonly do: 'call';
      readonly slot: number;
      readonly offset: number;
      readonly length: number;
      readonly output: number;
      readonly asynchronous: boolean;
      readonly dext: readonly DextStep[];
    };

/** A process dies in the middle: the app is killed, or the dext crashes, when a thread of it has made so many steps. */
export interface Death {
  readonly of: 'app' | 'dext';
  readonly after: number;
}

export interface Plan {
  readonly machine: Partial<MachineOptions>;
  readonly threads: readonly (readonly AppStep[])[];
}

const pick = fc.nat({ max: 7 });
const offset = fc.oneof(fc.constant(0), fc.nat({ max: 9_000 }));
const length = fc.oneof(fc.constant(0), fc.nat({ max: 200 }), fc.nat({ max: 9_000 }));
const size = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 4_000, max: 14_000 }),
  fc.constantFrom(4096, 8192, 32 * KiB),
);
const of = <const Names extends readonly string[]>(...names: Names): fc.Arbitrary<Names[number]> =>
  fc.constantFrom(...names);

const direction = fc.constantFrom(kIOMemoryDirectionIn, kIOMemoryDirectionOut, kIOMemoryDirectionInOut);

const whole = { offset: fc.constant(0), length: fc.constant(0) };
const bits = fc.constantFrom(64, 64, 32, 32, 24);

const dextStep: fc.Arbitrary<DextStep> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: of('keep', 'unmap', 'complete', 'release', 'await'), pick }) },
  { weight: 4, arbitrary: fc.record({ do: of('map', 'prepare', 'prepare again'), pick, ...whole, bits }) },
  { weight: 2, arbitrary: fc.record({ do: of('map', 'prepare', 'prepare again'), pick, offset, length, bits }) },
  { weight: 3, arbitrary: fc.record({ do: of('look', 'poke'), pick, offset }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: of('describe'),
      options: fc.constantFrom(...[1, 2, 3].flatMap((way) => [way, way | kIOMemoryDisableCopyOnWrite])),
      ranges: fc.array(fc.tuple(offset, fc.integer({ min: 1, max: 9_000 })), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: of('part'),
      pick,
      options: direction,
      offset,
      length: fc.integer({ min: 0, max: 9_000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: of('perform'),
      pick,
      options: fc.constantFrom(1, 2, 4),
      offset: pick,
      length: fc.integer({ min: 1, max: 300 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: of('join'),
      picks: fc.array(pick, { minLength: 1, maxLength: 3 }),
      options: direction,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: of('device reads', 'device writes'),
      pick,
      offset,
      length: fc.integer({ min: 1, max: 300 }),
    }),
  },
);

const value = fc.nat({ max: 255 });

const appStep: fc.Arbitrary<AppStep> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: of('malloc', 'memalign', 'mmap'), size }) },
  { weight: 1, arbitrary: fc.record({ do: of('free', 'remap'), slot: pick }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: of('memset', 'store', 'load'),
      slot: pick,
      offset,
      length: fc.integer({ min: 1, max: 300 }),
      value,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: of('protect'),
      slot: pick,
      protection: fc.constantFrom(PROT_NONE, PROT_READ),
      page: fc.nat({ max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: of('pressure'), slot: pick }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: of('advise', 'copy'),
      slot: pick,
      offset,
      length: fc.nat({ max: 40_000 }),
      other: pick,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: of('fork'), slot: pick, value, wait: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: of('share'), slot: pick, value, unmap: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: of('add'), slot: pick, offset, locked: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: of('call'),
      slot: pick,
      offset: fc.oneof(fc.constant(0), fc.nat({ max: 300 })),
      length: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 4_097, max: 14_000 }) }, fc.nat({ max: 300 })),
      output: fc.oneof(fc.constant(0), fc.nat({ max: 300 }), fc.constant(8_000)),
      asynchronous: fc.boolean(),
      dext: fc.array(dextStep, { minLength: 2, maxLength: 10, size: 'max' }),
    }),
  },
);

const machine: fc.Arbitrary<Partial<MachineOptions>> = fc.record({
  era: fc.constantFrom('before-13.3', '14.2', '14.2'),
  pageSize: fc.constant(4 * KiB),
  mapper: fc.constantFrom('none', 'vtd', 'dart'),
  dartEnforcesReadOnly: fc.boolean(),
  physical: fc.constantFrom('scattered', 'contiguous', 'mixed'),
  mallocZones: fc.constantFrom('eager', 'copy-on-write'),
});

/** Plans with a main thread and a second one. */
export const plans: fc.Arbitrary<Plan> = fc.record({
  machine,
  threads: fc.tuple(
    fc.array(appStep, { minLength: 4, maxLength: 14, size: 'max' }),
    fc.array(appStep, { minLength: 2, maxLength: 8, size: 'max' }),
  ),
});

/** One or two processes that die. */
export const deaths: fc.Arbitrary<readonly Death[]> = fc.array(
  fc.record({ of: of('app', 'dext'), after: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 1_500 })) }),
  { minLength: 1, maxLength: 2 },
);
