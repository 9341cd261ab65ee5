/** `IODispatchQueue`, `IOInterruptDispatchSource` (facts §7.2, §7.4). */
import { kIOReturnNoInterrupt, kIOReturnNotReady, kIOReturnSuccess, kIOReturnUnsupported } from '../codes.ts';
import { createQueue, enqueue, rpc } from '../iokit/queue.ts';
import { retain } from '../iokit/references.ts';
import { release } from '../iokit/release.ts';
import { sleepOn, wakeUp } from '../iokit/sleep.ts';
import { act, asProgram, now, type Act, type Program } from '../operation.ts';
import { queueInterrupt } from '../pcie/interrupt.ts';
import type { IOPCIDevice } from './IOPCIDevice.ts';
import { OSObject } from './objects.ts';
import { OSAction } from './OSAction.ts';

/** A queue that {@link IODispatchQueue.Sleep} lets go. */
export const kIODispatchQueueReentrant = 1;
/** {@link IODispatchQueue.WakeupWithOptions} wakes everybody. */
export const kIODispatchQueueWakeupAll = 1;

/** Serial, first in, first out; served by an actor of its own, and by another for each that sleeps on it. */
export class IODispatchQueue {
  /** Its kernel object number. */
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  /** Makes a queue in the caller's process; options are {@link kIODispatchQueueReentrant} or 0. */
  static *Create(name: string, options = 0, _priority = 0): Program<[code: number, queue: IODispatchQueue]> {
    const reentrant = (options & kIODispatchQueueReentrant) !== 0;
    const id = yield* act('IODispatchQueue::Create', 'kernel', (step) =>
      createQueue(step, name, step.world.actors.get(step.actor)!.task, reentrant),
    );
    return [kIOReturnSuccess, new IODispatchQueue(id)];
  }

  /** Runs the block on the queue, some time. */
  DispatchAsync(block: () => Program): Act<void> {
    return act('DispatchAsync', 'message', (step) => {
      if (step.world.queues.get(this.id)!.cancelled) {
        step.emit({ kind: 'refuse', code: kIOReturnNotReady, call: 'DispatchAsync' });
        return;
      }
      enqueue(step, this.id, 'block', false, function* (): Program<number> {
        yield* asProgram('a block', block());
        return kIOReturnSuccess;
      });
    });
  }

  /**
   * Stops the queue: what comes later is refused, a remote call with `kIOReturnNotReady` (facts §1.5). What is on it
   * already still runs, then `handler`.
   */
  *Cancel(handler?: () => Program): Program<number> {
    yield* act('IODispatchQueue::Cancel', 'kernel', (step) => {
      if (handler !== undefined) {
        enqueue(step, this.id, 'cancel handler', false, function* (): Program<number> {
          yield* asProgram('a cancel handler', handler());
          return kIOReturnSuccess;
        });
      }
      step.emit({ kind: 'queue.cancel', queue: this.id });
    });
    return kIOReturnSuccess;
  }

  /** Runs the block on the queue and waits for its end; on the caller's own queue, for ever. */
  *DispatchSync(block: () => Program): Program {
    yield* rpc(this.id, 'block', function* (): Program<number> {
      yield* asProgram('a block', block());
      return kIOReturnSuccess;
    });
  }

  /**
   * Puts who runs on the queue to sleep until {@link Wakeup} with the same event, or the deadline (virtual time in
   * nanoseconds, 0 for none). A reentrant queue is released to its next item, and taken back before this returns; any
   * other stays taken, so that a wake-up from the queue itself never comes. Errors: `kIOReturnTimeout` (facts §7.4).
   */
  Sleep(event: number, deadline = 0): Program<number> {
    return sleepOn(this.id, event, deadline);
  }

  /** Wakes the one that has slept longest for the event. Nobody does: nothing happens, and nothing is remembered. */
  Wakeup(event: number): Act<number> {
    return wakeUp(this.id, event, false);
  }

  /** The same; with {@link kIODispatchQueueWakeupAll} wakes all. */
  WakeupWithOptions(event: number, options: number): Act<number> {
    return wakeUp(this.id, event, (options & kIODispatchQueueWakeupAll) !== 0);
  }
}

/** What an interrupt handler is called with: how many interrupts, and when the last one came, in nanoseconds. */
type InterruptArguments = readonly [count: number, time: number];
export type InterruptOccurred = (...args: InterruptArguments) => Program;

/** Delivers a device's interrupts to a queue. */
export class IOInterruptDispatchSource extends OSObject {
  /**
   * Interrupts of vector `index` of the device are counted from now on. Errors: `kIOReturnNoInterrupt` for a vector
   * that `ConfigureInterrupts` has not set up; without it all are there.
   */
  static *Create(
    provider: IOPCIDevice,
    index: number,
    queue: IODispatchQueue,
  ): Program<[code: number, source: IOInterruptDispatchSource]> {
    const id = yield* act('IOInterruptDispatchSource::Create', 'kernel', (step) => {
      const { vectors } = step.world.devices.get(provider.id)!;
      if (vectors !== 0 && index >= vectors) {
        step.emit({ kind: 'refuse', code: kIOReturnNoInterrupt, call: 'IOInterruptDispatchSource::Create' });
        return 0;
      }
      const source = step.world.nextId;
      step.emit({ kind: 'source.create', source, device: provider.id, vector: index, queue: queue.id });
      return source;
    });
    return [id === 0 ? kIOReturnNoInterrupt : kIOReturnSuccess, new IOInterruptDispatchSource(id)];
  }

  /**
   * Sets what runs on the queue, by itself or as an action's callback; an action is kept as long as the source is. Interrupts
   * that came before are not lost (facts §7.2).
   */
  *SetHandler(handler: InterruptOccurred | OSAction<InterruptArguments>): Program<number> {
    yield* this.used();
    const action = handler instanceof OSAction ? handler.id : 0;
    if (action !== 0) yield* retain(action, 'OSAction');
    const before = yield* now((step) => {
      const source = step.world.sources.get(this.id)!;
      const old = source.action;
      if (action !== old) step.emit({ kind: 'source.handler', source: this.id, action });
      step.live.set(this.id, handler instanceof OSAction ? handler.invoke.bind(handler) : handler);
      queueInterrupt(step, this.id);
      return old;
    });
    if (before !== 0) yield* release(before);
    return kIOReturnSuccess;
  }

  /** Starts or stops callbacks. Errors: `kIOReturnUnsupported` after {@link Cancel} (facts §7.2). */
  *SetEnable(enable: boolean): Program<number> {
    yield* this.used();
    return yield* act('SetEnable', 'kernel', (step) => {
      if (step.world.sources.get(this.id)!.cancelled) {
        step.emit({ kind: 'refuse', code: kIOReturnUnsupported, call: 'SetEnable' });
        return kIOReturnUnsupported;
      }
      step.emit({ kind: 'source.enable', source: this.id, enabled: enable });
      queueInterrupt(step, this.id);
      return kIOReturnSuccess;
    });
  }

  /**
   * Ends the source: interrupts are no longer counted. A callback that is on the queue already still runs; `handler`
   * runs there after it, and is the last (facts §7.2).
   */
  *Cancel(handler?: () => Program): Program<number> {
    yield* this.used();
    yield* act('Cancel', 'kernel', (step) => {
      step.emit({ kind: 'source.cancel', source: this.id });
      if (handler === undefined) return;
      const { queue } = step.world.sources.get(this.id)!;
      enqueue(step, queue, 'cancel handler', false, function* (): Program<number> {
        yield* asProgram('a cancel handler', handler());
        return kIOReturnSuccess;
      });
    });
    return kIOReturnSuccess;
  }
}
