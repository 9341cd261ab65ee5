import { kIOReturnSuccess, kIOReturnUnsupported } from '../codes.ts';
import { enqueue } from '../iokit/queue.ts';
import { retain } from '../iokit/references.ts';
import { release } from '../iokit/release.ts';
import { queueHandler, stopTimer, type Handler } from '../iokit/source.ts';
import { act, asProgram, now, type Program } from '../operation.ts';
import { OSObject } from './objects.ts';
import type { OSAction } from './OSAction.ts';

/** What calls a handler on a queue: for interrupts, or at a time (facts §7.2). Disabled at first. */
export abstract class IODispatchSource extends OSObject {
  /** Sets what runs on the queue; an action is kept as long as the source is. */
  protected *handle(handler: Handler, action: OSAction<never> | undefined): Program<number> {
    yield* this.used();
    const id = action?.id ?? 0;
    if (id !== 0) yield* retain(id, 'OSAction');
    const before = yield* now((step) => {
      const old = step.world.sources.get(this.id)!.action;
      if (id !== old) step.emit({ kind: 'source.handler', source: this.id, action: id });
      step.live.set(this.id, handler);
      queueHandler(step, this.id);
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
        step.look('source', this.id);
        step.emit({ kind: 'refuse', code: kIOReturnUnsupported, call: 'SetEnable' });
        return kIOReturnUnsupported;
      }
      step.emit({ kind: 'source.enable', source: this.id, enabled: enable });
      queueHandler(step, this.id);
      return kIOReturnSuccess;
    });
  }

  /**
   * Ends the source: nothing is counted any more. A callback that is on the queue already still runs; `handler` runs
   * there after it, and is the last (facts §7.2).
   */
  *Cancel(handler?: () => Program): Program<number> {
    yield* this.used();
    yield* act('Cancel', 'kernel', (step) => {
      stopTimer(step, this.id);
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
