import { kIOReturnSuccess } from '../codes.ts';
import { directionBits, directionOf, IOMemoryMap } from '../driverkit/memory.ts';
import type { IOMemoryDescriptor as DriverKitDescriptor } from '../driverkit/memory.ts';
import { OSObject } from '../driverkit/objects.ts';
import { createDescriptor, createMapping, lengthOf } from '../iokit/descriptor.ts';
import { plain } from '../iokit/mappings.ts';
import { complete, prepare } from '../iokit/wire.ts';
import { act, now, type Program } from '../operation.ts';

/** Directions and options of `withAddressRange` (IOKit/IOMemoryDescriptor.h). */
export const kIODirectionNone = 0;
export const kIODirectionIn = 1;
export const kIODirectionOut = 2;
export const kIODirectionInOut = 3;
export const kIOMemoryMapCopyOnWrite = 0x0002_0000;
export const kIOMemoryThreadSafe = 0x0010_0000;

/** `IOMemoryDescriptor` as a kernel extension uses it: wiring is the driver's own business. */
export class IOMemoryDescriptor extends OSObject {
  /** Describes a range of a process; nothing is looked up yet (facts §2.2). NULL for a range that cannot be (facts §1.3). */
  static *withAddressRange(
    address: number,
    length: number,
    options: number,
    task: number,
  ): Program<IOMemoryDescriptor | null> {
    const id = yield* act('withAddressRange', 'kernel', (step) => {
      const descriptor = createDescriptor(step, {
        type: 'general',
        task,
        ranges: [{ address, length }],
        direction: directionOf(options),
        copyOnWrite: (options & kIOMemoryMapCopyOnWrite) !== 0,
        threadSafe: (options & kIOMemoryThreadSafe) !== 0,
      });
      if (descriptor === 0) step.emit({ kind: 'refuse', code: kIOReturnSuccess, call: 'withAddressRange' });
      return descriptor;
    });
    return id === 0 ? null : new IOMemoryDescriptor(id);
  }

  /** The same object: in the kernel, the descriptor of a call's struct can be wired directly. */
  static of(descriptor: DriverKitDescriptor): IOMemoryDescriptor {
    return new IOMemoryDescriptor(descriptor.id);
  }

  /** Wires the memory, or counts one more wire; the errors are those of facts §4.3. */
  prepare(direction: number = kIODirectionNone): Program<number> {
    return this.calling(prepare(this.id, directionOf(direction)));
  }

  /** Takes a wire back. With a device at work and no IOMMU, its memory can then be anybody's. */
  *complete(_direction: number = kIODirectionNone): Program<number> {
    yield* this.calling(complete(this.id));
    return kIOReturnSuccess;
  }

  *getLength(): Program<number> {
    yield* this.used();
    return yield* lengthOf(this.id);
  }

  /** Its direction, as `kIODirection…` bits. */
  *getDirection(): Program<number> {
    yield* this.used();
    return yield* now(({ world }) => directionBits(world.descriptors.get(this.id)!.direction));
  }

  /** Maps it into the kernel; NULL on every failure. A copy-on-write descriptor shows its snapshot (facts §2.3). */
  *map(): Program<IOMemoryMap | null> {
    yield* this.used();
    const { task, readOnly } = yield* now(({ world, actor }) => ({
      task: world.actors.get(actor)!.task,
      readOnly: world.descriptors.get(this.id)!.direction === 'out',
    }));
    const [, mapped] = yield* this.calling(createMapping(this.id, task, { ...plain, offset: 0, length: 0, readOnly }));
    return mapped === undefined ? null : new IOMemoryMap(mapped);
  }
}
