/** `IOMemoryDescriptor`, `IOMemoryMap`, `IOBufferMemoryDescriptor` (facts §5). */
import { kIOReturnBadArgument, kIOReturnNoMemory, kIOReturnOverrun, kIOReturnSuccess } from '../codes.ts';
import { createBuffer, createMapping, createWrapper, lengthOf } from '../iokit/descriptor.ts';
import type { Mapped } from '../iokit/mappings.ts';
import type { Direction } from '../iokit/state.ts';
import { injected } from '../faults/injected.ts';
import { act, now, refuse, type Program } from '../operation.ts';
import { KiB } from '../units.ts';
import { OSObject } from './objects.ts';

export const kIOMemoryDirectionIn = 1;
export const kIOMemoryDirectionOut = 2;
export const kIOMemoryDirectionInOut = 3;
/** Option of `CreateMemoryDescriptorFromClient` (IOMemoryDescriptor.iig:51). */
export const kIOMemoryDisableCopyOnWrite = 0x10;

/** Options of `CreateMapping` (IOMemoryDescriptor.iig). */
export const kIOMemoryMapFixedAddress = 0x1;
export const kIOMemoryMapReadOnly = 0x2;
const kIOMemoryMapGuardedMask = 0x1c;
export const kIOMemoryMapGuardedDefault = 0x0;
export const kIOMemoryMapGuardedNone = 0x4;
export const kIOMemoryMapGuardedSmall = 0x8;
export const kIOMemoryMapGuardedLarge = 0xc;
export const kIOMemoryMapCacheModeDefault = 0x000;
export const kIOMemoryMapCacheModeInhibit = 0x100;
export const kIOMemoryMapCacheModeCopyback = 0x200;
export const kIOMemoryMapCacheModeWriteThrough = 0x400;
export const kIOMemoryMapCacheModeRealTime = 0x800;
const cacheModes: readonly number[] = [
  kIOMemoryMapCacheModeDefault,
  kIOMemoryMapCacheModeInhibit,
  kIOMemoryMapCacheModeCopyback,
  kIOMemoryMapCacheModeWriteThrough,
  kIOMemoryMapCacheModeRealTime,
];

/** Bytes of a large guard (MD:93); a small one is a page. */
const largeGuard = 64 * KiB;

/** Bytes of each guard that the options of `CreateMapping` ask for (US:677-692). */
function guardOf(options: number, pageSize: number): number {
  if ((options & kIOMemoryMapFixedAddress) !== 0) return 0;
  const asked = options & kIOMemoryMapGuardedMask;
  if (asked === kIOMemoryMapGuardedNone) return 0;
  return asked === kIOMemoryMapGuardedLarge ? largeGuard : pageSize;
}

/** Most descriptors in a Multi (facts §5.1). */
const maxDescriptors = 32;

const bits: readonly Direction[] = ['none', 'in', 'out', 'in-out'];

/** DriverKit's direction bits as the model's name for them. */
export function directionOf(options: number): Direction {
  return bits[options & 3]!;
}

/** The model's direction as DriverKit's bits. */
export function directionBits(direction: Direction): number {
  return bits.indexOf(direction);
}

/** A mapping of a descriptor in the dext's address space. */
export class IOMemoryMap extends OSObject {
  private readonly mapped: Mapped;

  constructor(mapped: Mapped) {
    super(mapped.mapping);
    this.mapped = mapped;
  }

  /** Where the first byte is, in the dext's address space. */
  GetAddress(): number {
    return this.mapped.address;
  }

  /** In bytes. */
  GetLength(): number {
    return this.mapped.length;
  }
}

/** A description of memory: the app's, or the dext's own. */
export class IOMemoryDescriptor extends OSObject {
  /** Exact bytes, not rounded to pages (facts §5.1). */
  *GetLength(): Program<[code: number, length: number]> {
    yield* this.used();
    return [kIOReturnSuccess, yield* lengthOf(this.id)];
  }

  /**
   * Maps the memory into the dext (facts §2.7, §5.1). The first mapping of a struct input takes the snapshot that all
   * its mappings show. Read-only for direction Out, except for a buffer. `address` counts only with
   * {@link kIOMemoryMapFixedAddress}, `alignment` never; cache modes change nothing here. While a mapping lives that
   * shows what is asked for in the same way, it is that object again, or a part of it (facts §2.3).
   * Errors: `kIOReturnBadArgument` for an undefined cache mode, else `kIOReturnError`.
   */
  *CreateMapping(
    options: number,
    address = 0,
    offset = 0,
    length = 0,
    _alignment = 0,
  ): Program<[code: number, map: IOMemoryMap | null]> {
    yield* this.used();
    const cacheMode = options & 0xff00;
    if (!cacheModes.includes(cacheMode)) return [yield* refuse('CreateMapping', kIOReturnBadArgument), null];
    const { task, readOnly, guard } = yield* now(({ world, actor }) => {
      const { type, direction } = world.descriptors.get(this.id)!;
      const asked = (options & kIOMemoryMapReadOnly) !== 0 || direction === 'out';
      const { pageSize } = world.machine;
      return {
        task: world.actors.get(actor)!.task,
        readOnly: asked && type !== 'buffer',
        guard: guardOf(options, pageSize),
      };
    });
    const fixed = (options & kIOMemoryMapFixedAddress) === 0 ? undefined : address;
    const request = { offset, length, readOnly, guard, cacheMode, address: fixed };
    const [code, mapped] = yield* this.calling(createMapping(this.id, task, request));
    return [code, mapped === undefined ? null : new IOMemoryMap(mapped)];
  }

  /**
   * Describes a part of another descriptor, which it keeps; the direction is not held against that one's (facts §5.1).
   * Preparing it wires all of the other (facts §4.6). Errors: `kIOReturnBadArgument` for other option bits, NULL, and
   * a part that runs past the end.
   */
  static *CreateSubMemoryDescriptor(
    options: number,
    offset: number,
    length: number,
    of: IOMemoryDescriptor | null,
  ): Program<[code: number, memory: IOMemoryDescriptor | null]> {
    const name = 'CreateSubMemoryDescriptor';
    yield* of?.used() ?? [];
    const end = of === null ? 0 : yield* lengthOf(of.id);
    if ((options & ~kIOMemoryDirectionInOut) !== 0 || of === null || offset + length > end) {
      return [yield* refuse(name, kIOReturnBadArgument), null];
    }
    const part = { descriptor: of.id, offset, length };
    const make = act(name, 'kernel', (step) => createWrapper(step, 'sub', directionOf(options), [part]));
    return [kIOReturnSuccess, new IOMemoryDescriptor(yield* of.calling(make))];
  }

  /**
   * Describes several descriptors as one memory, and keeps them; directions may differ. Preparing it asks them for its
   * own direction (facts §4.6, §5.1). Errors: `kIOReturnBadArgument` for other option bits, NULL and no descriptors;
   * `kIOReturnOverrun` for more than 32.
   */
  static *CreateWithMemoryDescriptors(
    options: number,
    descriptors: readonly (IOMemoryDescriptor | null)[] | null,
  ): Program<[code: number, memory: IOMemoryDescriptor | null]> {
    const name = 'CreateWithMemoryDescriptors';
    if ((descriptors?.length ?? 0) > maxDescriptors) return [yield* refuse(name, kIOReturnOverrun), null];
    const given = (descriptors ?? []).filter((descriptor) => descriptor !== null);
    for (const descriptor of given) yield* descriptor.used();
    const bad =
      (options & ~kIOMemoryDirectionInOut) !== 0 || given.length === 0 || given.length !== descriptors?.length;
    if (bad) return [yield* refuse(name, kIOReturnBadArgument), null];
    const make = act(name, 'kernel', (step) => {
      const parts = given.map(({ id }) => ({
        descriptor: id,
        offset: 0,
        length: step.world.descriptors.get(id)!.length,
      }));
      return createWrapper(step, 'multi', directionOf(options), parts);
    });
    const [first, ...others] = given;
    return [kIOReturnSuccess, new IOMemoryDescriptor(yield* first!.calling(make, ...others))];
  }
}

/** Memory of the kernel that the dext shares: page-aligned, zeroed (facts §5.2). */
export class IOBufferMemoryDescriptor extends IOMemoryDescriptor {
  private view: IOMemoryMap | null = null;

  /** Errors: `kIOReturnBadArgument` for other option bits, `kIOReturnNoMemory` for capacity 0. The length starts as the capacity; an alignment above the page size makes it contiguous. */
  static *Create(
    options: number,
    capacity: number,
    alignment = 0,
  ): Program<[code: number, buffer: IOBufferMemoryDescriptor | null]> {
    const name = 'IOBufferMemoryDescriptor::Create';
    if ((options & ~3) !== 0) return [yield* refuse(name, kIOReturnBadArgument), null];
    if (!Number.isSafeInteger(capacity) || capacity <= 0) return [yield* refuse(name, kIOReturnNoMemory), null];
    const failed = yield* injected('allocation', name);
    if (failed !== 0) return [failed, null];
    const id = yield* act(name, 'kernel', (step) => createBuffer(step, capacity, directionOf(options), alignment));
    return [kIOReturnSuccess, new IOBufferMemoryDescriptor(id)];
  }

  /** The buffer in the dext's address space, mapped the first time it is asked for. */
  *GetAddressRange(): Program<[code: number, range: { address: number; length: number }]> {
    yield* this.used();
    if (this.view === null) {
      const [code, map] = yield* this.CreateMapping(0);
      if (map === null) return [code, { address: 0, length: 0 }];
      this.view = map;
    }
    const length = yield* lengthOf(this.id);
    return [kIOReturnSuccess, { address: this.view.GetAddress(), length }];
  }

  /** Always succeeds; a length above the capacity is ignored without a word (facts §5.2). */
  *SetLength(length: number): Program<number> {
    yield* this.used();
    const capacity = yield* now(({ world }) => world.descriptors.get(this.id)!.ranges[0]!.length);
    if (length > capacity) return yield* refuse('SetLength', kIOReturnSuccess);
    yield* this.calling(
      act('SetLength', 'kernel', (step) => step.emit({ kind: 'descriptor.length', descriptor: this.id, length })),
    );
    return kIOReturnSuccess;
  }
}
