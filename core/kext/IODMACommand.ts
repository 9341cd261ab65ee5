import {
  kIOReturnBadArgument,
  kIOReturnMessageTooLarge,
  kIOReturnNotReady,
  kIOReturnOverrun,
  kIOReturnSuccess,
} from '../codes.ts';
import type { IOPCIDevice } from '../driverkit/IOPCIDevice.ts';
import { OSObject } from '../driverkit/objects.ts';
import { endBounce, syncBounce } from '../iokit/bounce.ts';
import { createCommand, dropIova, mapWindow, setMemory } from '../iokit/command.ts';
import type { Range } from '../iokit/state.ts';
import { commandOf, limitOf, runsOf } from '../iokit/window.ts';
import { releaseDescriptor } from '../iokit/wire.ts';
import { act, now, refuse, type Program } from '../operation.ts';
import { kIODirectionIn, kIODirectionInOut, kIODirectionOut, type IOMemoryDescriptor } from './IOMemoryDescriptor.ts';

/** What one call of {@link IODMACommand.gen64IOVMSegments} gives: a code, segments, and where the next call goes on. */
export type Generated = [code: number, segments: readonly Range[], offset: number];

/** `IODMACommand` as a kernel extension uses it (DMA:246-1632): the memory must be wired by the driver. */
export class IODMACommand extends OSObject {
  /** Segments of any size, with up to `numAddressBits` (0 for no limit). NULL where facts §4.1 has an error. */
  static *withSpecification(numAddressBits: number, device: IOPCIDevice): Program<IODMACommand | null> {
    const [, id] = yield* createCommand(device.id, 0, numAddressBits);
    return id === 0 ? null : new IODMACommand(id);
  }

  /**
   * Sets the memory, and unless told otherwise prepares all of it. The same memory again changes nothing, except that
   * without `autoPrepare` it ends what was prepared. Errors: `kIOReturnBadArgument` for NULL, `kIOReturnBusy` for other
   * memory while it is active, and those of {@link IODMACommand.prepare}.
   */
  *setMemoryDescriptor(memory: IOMemoryDescriptor | null, autoPrepare = true): Program<number> {
    if (memory === null) return yield* refuse('setMemoryDescriptor', kIOReturnBadArgument);
    return yield* this.calling(this.set(memory, autoPrepare), memory);
  }

  private *set(memory: IOMemoryDescriptor, autoPrepare: boolean): Program<number> {
    const { descriptor, active } = yield* this.state();
    if (descriptor === memory.id) {
      if (active && !autoPrepare) yield* this.complete();
      return kIOReturnSuccess;
    }
    if (descriptor !== 0 && !active) yield* this.clearMemoryDescriptor();
    const code = yield* setMemory(this.id, memory.id, 'setMemoryDescriptor');
    if (code !== kIOReturnSuccess || !autoPrepare) return code;
    const prepared = yield* this.prepare();
    if (prepared !== kIOReturnSuccess) yield* this.clearMemoryDescriptor();
    return prepared;
  }

  /**
   * Maps a window of the memory for the device; length 0 is the full length (facts §4.2 (4)). It wires nothing: memory
   * that is not wired is `kIOReturnVMError`. What lies too high without a mapper is copied to bounce pages, if there are
   * enough, else `kIOReturnNoResources`. While it is prepared only the same window is accepted, once more:
   * `kIOReturnNotReady` else, and without memory.
   */
  *prepare(offset = 0, length = 0): Program<number> {
    const { descriptor, prepared, offset: from, length: bytes, full } = yield* this.state();
    const same = from === offset && bytes === (length === 0 ? full : length);
    if (descriptor === 0 || (prepared && !same)) return yield* refuse('prepare', kIOReturnNotReady);
    if (prepared) return yield* refuse('prepare', kIOReturnSuccess);
    const code = yield* mapWindow(this.id, descriptor, offset, length);
    if (code !== kIOReturnSuccess) return code;
    yield* act('prepare', 'kernel', (step) =>
      step.emit({ kind: 'command.prepared', command: this.id, segments: 0, dropped: 0 }),
    );
    return code;
  }

  /**
   * Bus addresses from `offset` in the window on, at most `room` segments: nothing is lost, the next call goes on where
   * this one has ended. Errors: `kIOReturnNotReady` when it is not prepared, `kIOReturnBadArgument` without room,
   * `kIOReturnOverrun` at the end, `kIOReturnMessageTooLarge` for addresses that are too high (DMA:1281-1632).
   */
  *gen64IOVMSegments(offset: number, room: number): Program<Generated> {
    yield* this.used();
    return yield* act('gen64IOVMSegments', 'kernel', (step): Generated => {
      const command = step.world.commands.get(this.id)!;
      const refused = (code: number): Generated => {
        step.emit({ kind: 'refuse', code, call: 'gen64IOVMSegments' });
        return [code, [], offset];
      };
      if (!command.prepared) return refused(kIOReturnNotReady);
      if (room <= 0) return refused(kIOReturnBadArgument);
      if (offset >= command.length) return refused(kIOReturnOverrun);
      const runs = runsOf(step, this.id, command.descriptor, offset, command.length - offset);
      if (runs === undefined) return refused(kIOReturnNotReady);
      const segments = runs.slice(0, room);
      if (segments.some(({ address, length }) => address + length > limitOf(command))) {
        return refused(kIOReturnMessageTooLarge);
      }
      const first = offset === 0 ? 0 : command.segments.length;
      segments.forEach(({ address, length }, index) => {
        step.emit({ kind: 'command.segment', command: this.id, index: first + index, address, length });
      });
      return [kIOReturnSuccess, segments, segments.reduce((at, { length }) => at + length, offset)];
    });
  }

  /**
   * Copies the bounce pages, whatever the memory's direction: `kIODirectionIn` from them, `kIODirectionOut` to them.
   * Nothing where the device works on the memory itself. Errors: `kIOReturnBadArgument` for both at once,
   * `kIOReturnNotReady` when it is not prepared (DMA:1139-1177).
   */
  *synchronize(options: number): Program<number> {
    if ((options & kIODirectionInOut) === kIODirectionInOut) return yield* refuse('synchronize', kIOReturnBadArgument);
    const { prepared, descriptor, bounce } = yield* this.state();
    if (!prepared) return yield* refuse('synchronize', kIOReturnNotReady);
    const way = (options & kIODirectionIn) !== 0 ? 'in' : 'out';
    const none = bounce === 0 || (options & (kIODirectionIn | kIODirectionOut)) === 0;
    if (none) return yield* refuse('synchronize', kIOReturnSuccess);
    yield* syncBounce(this.id, descriptor, way, true);
    return kIOReturnSuccess;
  }

  /**
   * Ends the device's access; the memory stays set, and wired until the driver completes it. Without `synchronize` what
   * lies in bounce pages is lost. Caches need no care here (facts §9).
   */
  *complete(_invalidateCache = true, synchronize = true): Program<number> {
    const { prepared, descriptor, iova } = yield* this.state();
    if (!prepared) return yield* refuse('complete', kIOReturnNotReady);
    yield* endBounce(this.id, descriptor, synchronize);
    if (iova !== 0) yield* dropIova(this.id);
    yield* act('complete', 'kernel', (step) => {
      step.emit({ kind: 'command.complete', command: this.id });
      step.emit({ kind: 'command.set', command: this.id, descriptor });
    });
    return kIOReturnSuccess;
  }

  /** Lets the memory go; what is prepared is completed first, or refused with `kIOReturnNotReady`. */
  *clearMemoryDescriptor(autoComplete = true): Program<number> {
    const { descriptor, prepared } = yield* this.state();
    if (prepared && !autoComplete) return yield* refuse('clearMemoryDescriptor', kIOReturnNotReady);
    if (prepared) yield* this.complete();
    if (descriptor === 0) return kIOReturnSuccess;
    yield* act('clear memory', 'kernel', (step) => step.emit({ kind: 'command.complete', command: this.id }));
    yield* releaseDescriptor(descriptor);
    return kIOReturnSuccess;
  }

  /** The last release lets the memory go first; its wires are the driver's. */
  override *release(): Program {
    const last = yield* now((step) => {
      step.look('object', this.id);
      return step.world.references.get(this.id) === 1;
    });
    if (last) yield* this.clearMemoryDescriptor();
    yield* super.release();
  }

  /** The command now, and the full length of its memory. */
  private *state(): Program<{
    readonly descriptor: number;
    readonly active: boolean;
    readonly prepared: boolean;
    readonly offset: number;
    readonly length: number;
    readonly iova: number;
    readonly bounce: number;
    readonly full: number;
  }> {
    yield* this.used();
    return yield* now((step) => {
      const command = commandOf(step, this.id);
      const { descriptor } = command;
      if (descriptor !== 0) step.look('descriptor', descriptor);
      return { ...command, full: step.world.descriptors.get(descriptor)?.length ?? 0 };
    });
  }
}
