import { kIOReturnBadArgument } from '../codes.ts';
import { completeDMA, createCommand, getPreparation, maxSegments, prepareForDMA } from '../iokit/command.ts';
import { performOperation } from '../iokit/perform.ts';
import type { DmaOperation, Range } from '../iokit/state.ts';
import { injected } from '../faults/injected.ts';
import { now, refuse, type Program } from '../operation.ts';
import type { IOPCIDevice } from './IOPCIDevice.ts';
import type { IOService } from './IOService.ts';
import { directionBits, IOMemoryDescriptor } from './memory.ts';
import { OSObject } from './objects.ts';

export const kIODMACommandCreateNoOptions = 0;
export const kIODMACommandPrepareForDMANoOptions = 0;
export const kIODMACommandCompleteDMANoOptions = 0;

export const kIODMACommandPerformOperationOptionRead = 1;
export const kIODMACommandPerformOperationOptionWrite = 2;
export const kIODMACommandPerformOperationOptionZero = 4;

const operations: ReadonlyMap<number, DmaOperation> = new Map([
  [kIODMACommandPerformOperationOptionRead, 'read'],
  [kIODMACommandPerformOperationOptionWrite, 'write'],
  [kIODMACommandPerformOperationOptionZero, 'zero'],
]);

/** `IODMACommandSpecification`. */
export interface IODMACommandSpecification {
  readonly options?: number;
  /** 0 or 64 for no limit. Without a mapper, memory that lies above it is double-buffered (facts §4.6). */
  readonly maxAddressBits: number;
}

/** Makes memory reachable for a device (facts §4). */
export class IODMACommand extends OSObject {
  /** Errors: facts §4.1. A service other than the PCI nub is taken without a word, and gets the wrong mapper. */
  static *Create(
    device: IOPCIDevice | IOService,
    options: number,
    specification: IODMACommandSpecification,
  ): Program<[code: number, command: IODMACommand | null]> {
    const [code, id] = yield* createCommand(
      'service' in device ? device.service : device.id,
      options,
      specification.maxAddressBits,
    );
    return [code, id === 0 ? null : new IODMACommand(id)];
  }

  /**
   * Wires the memory, maps it for the device and returns the bus addresses (facts §4.2).
   * `segmentsCount` is the room for segments, at most 32; those that do not fit are dropped without
   * a word: sum the lengths. `flags` are the descriptor's own direction bits. Length 0 is the full length.
   */
  *PrepareForDMA(
    options: number,
    memory: IOMemoryDescriptor | null,
    offset: number,
    length: number,
    segmentsCount: number = maxSegments,
  ): Program<[code: number, flags: number, segmentsCount: number, segments: readonly Range[]]> {
    yield* this.used();
    for (const fault of ['cannot-wire', 'no-resources', 'allocation'] as const) {
      const failed = yield* injected(fault, 'PrepareForDMA');
      if (failed !== 0) return [failed, 0, 0, []];
    }
    const args = { options, memory: memory?.id ?? 0, offset, length, capacity: segmentsCount };
    const { code, direction, segments } = yield* this.calling(prepareForDMA(this.id, args), memory);
    return [code, directionBits(direction), segments.length, segments];
  }

  /** Offset and length of what is prepared, and its memory; `kIOReturnNotReady` when nothing is (facts §4.4). */
  *GetPreparation(): Program<[code: number, offset: number, length: number, memory: IOMemoryDescriptor | null]> {
    yield* this.used();
    const { code, offset, length, memory } = yield* now((step) => getPreparation(step, this.id));
    if (memory === 0) return [code, offset, length, null];
    const descriptor = new IOMemoryDescriptor(memory);
    yield* descriptor.retain();
    return [code, offset, length, descriptor];
  }

  /**
   * Copies between the prepared memory and `data`, or zeroes the memory, with the CPU and whatever the directions
   * (facts §4.4). `dmaOffset` counts from the start of what is prepared. Errors: `kIOReturnBadArgument` unless exactly
   * one option is given, and for more than either holds; `kIOReturnNotReady` when nothing is prepared;
   * `kIOReturnUnderrun` past the end of what is prepared.
   */
  *PerformOperation(
    options: number,
    dmaOffset: number,
    length: number,
    dataOffset: number,
    data: IOMemoryDescriptor | null,
  ): Program<number> {
    const operation = operations.get(options);
    if (operation === undefined) return yield* refuse('PerformOperation', kIOReturnBadArgument);
    const args = { operation, dmaOffset, length, dataOffset, data: data?.id ?? 0 };
    return yield* this.calling(performOperation(this.id, args), data);
  }

  /** Ends the device's access, and copies bounce pages back. It does not look at the device: stop that first (facts §4.4). */
  *CompleteDMA(options: number): Program<number> {
    return yield* this.calling(completeDMA(this.id, options));
  }
}
