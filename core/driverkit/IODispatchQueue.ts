import { kIOReturnNotReady, kIOReturnSuccess } from '../codes.ts';
import { createQueue, enqueue, rpc } from '../iokit/queue.ts';
import { sleepOn, wakeUp } from '../iokit/sleep.ts';
import { act, asProgram, type Act, type Program } from '../operation.ts';

/** A queue that {@link IODispatchQueue.Sleep} lets go. */
export const kIODispatchQueueReentrant = 1;
/** What it does is not documented: here, nothing, with an event `unspecified` (facts §7.4). */
export const kIODispatchQueueMethodsNotSynchronized = 2;
/** {@link IODispatchQueue.WakeupWithOptions} wakes everybody. */
export const kIODispatchQueueWakeupAll = 1;

/** Serial, first in, first out; served by an actor of its own, and by another for each that sleeps on it. */
export class IODispatchQueue {
  /** Its kernel object number. */
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  /**
   * Makes a queue in the caller's process. Options: {@link kIODispatchQueueReentrant},
   * {@link kIODispatchQueueMethodsNotSynchronized}.
   */
  static *Create(name: string, options = 0, _priority = 0): Program<[code: number, queue: IODispatchQueue]> {
    const reentrant = (options & kIODispatchQueueReentrant) !== 0;
    const id = yield* act('IODispatchQueue::Create', 'kernel', (step) => {
      if ((options & kIODispatchQueueMethodsNotSynchronized) !== 0)
        step.emit({
          kind: 'unspecified',
          what: `methods of queue "${name}" are not synchronized; here they take turns`,
        });
      return createQueue(step, name, step.world.actors.get(step.actor)!.task, reentrant);
    });
    return [kIOReturnSuccess, new IODispatchQueue(id)];
  }

  /** Runs the block on the queue, some time. */
  DispatchAsync(block: () => Program): Act<void> {
    return this.dispatch('DispatchAsync', block, false);
  }

  /**
   * The same, beside others that were dispatched so. For a queue that is reentrant; without effect on others, where a Mac may
   * do otherwise.
   */
  DispatchConcurrent(block: () => Program): Act<void> {
    return this.dispatch('DispatchConcurrent', block, true);
  }

  private dispatch(call: string, block: () => Program, concurrent: boolean): Act<void> {
    return act(call, 'message', (step) => {
      if (step.world.queues.get(this.id)!.cancelled) {
        step.look('queue', this.id);
        step.emit({ kind: 'refuse', code: kIOReturnNotReady, call });
        return;
      }
      const { reentrant } = step.world.queues.get(this.id)!;
      if (concurrent && !reentrant)
        step.emit({ kind: 'unspecified', what: `${call} on a queue that is not reentrant` });
      const work = function* (): Program<number> {
        yield* asProgram('a block', block());
        return kIOReturnSuccess;
      };
      enqueue(step, this.id, 'block', false, work, concurrent && reentrant);
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
