/** `IOMemoryDescriptor`, `IOMemoryMap`, `IOBufferMemoryDescriptor` (facts §5). */
import { kIOReturnBadArgument, kIOReturnNoMemory, kIOReturnSuccess } from '../codes.ts';
import { createBuffer, createMapping, type Mapped } from '../iokit/descriptor.ts';
import type { Direction } from '../iokit/state.ts';
import { act, now, refuse, type Program } from '../operation.ts';
import { OSObject } from './objects.ts';

export const kIOMemoryDirectionIn = 1;
export const kIOMemoryDirectionOut = 2;
export const kIOMemoryDirectionInOut = 3;
/** Option of `CreateMemoryDescriptorFromClient` (IOMemoryDescriptor.iig:51). */
export const kIOMemoryDisableCopyOnWrite = 0x10;

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
    return [kIOReturnSuccess, yield* now(({ world }) => world.descriptors.get(this.id)!.length)];
  }

  /**
   * Maps the memory into the dext (facts §2.7, §5.1). The first mapping of a struct input takes
   * the snapshot that all its mappings show. `address` and `alignment` are ignored without the fixed option.
   * Errors: `kIOReturnBadArgument` for undefined option bits, else `kIOReturnError`.
   */
  *CreateMapping(
    options: number,
    _address = 0,
    offset = 0,
    length = 0,
    _alignment = 0,
  ): Program<[code: number, map: IOMemoryMap | null]> {
    yield* this.used();
    if (options !== 0) return [yield* refuse('CreateMapping', kIOReturnBadArgument), null];
    const task = yield* now(({ world, actor }) => world.actors.get(actor)!.task);
    const [code, mapped] = yield* this.calling(createMapping(this.id, task, offset, length));
    return [code, mapped === undefined ? null : new IOMemoryMap(mapped)];
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
    const length = yield* now(({ world }) => world.descriptors.get(this.id)!.length);
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
