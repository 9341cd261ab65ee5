import { kIOReturnSuccess, kIOReturnUnsupported } from '../codes.ts';
import { setTimer } from '../iokit/source.ts';
import { act, type Program } from '../operation.ts';
import type { IODispatchQueue } from './IODispatchQueue.ts';
import { IODispatchSource } from './IODispatchSource.ts';
import { OSAction } from './OSAction.ts';

/** The clock of {@link IOTimerDispatchSource.WakeAtTime}: virtual time, as for all others. */
export const kIOTimerClockMachAbsoluteTime = 0xc8;

/** What a timer's handler is called with: when the timer went off, in nanoseconds. */
type TimerArguments = readonly [time: number];
export type TimerOccurred = (...args: TimerArguments) => Program;

/** Calls its handler on a queue once for each {@link WakeAtTime}. */
export class IOTimerDispatchSource extends IODispatchSource {
  /** Makes a timer that is not set. */
  static *Create(queue: IODispatchQueue): Program<[code: number, source: IOTimerDispatchSource]> {
    const id = yield* act('IOTimerDispatchSource::Create', 'kernel', (step) => {
      const source = step.world.nextId;
      step.emit({ kind: 'timer.create', source, queue: queue.id });
      return source;
    });
    return [kIOReturnSuccess, new IOTimerDispatchSource(id)];
  }

  /** Sets what runs on the queue, by itself or as an action's callback. */
  SetHandler(handler: TimerOccurred | OSAction<TimerArguments>): Program<number> {
    return handler instanceof OSAction
      ? this.handle((_, time) => handler.invoke(time), handler)
      : this.handle((_, time) => handler(time), undefined);
  }

  /**
   * The timer goes off no earlier than `deadline`, in nanoseconds of virtual time ({@link mach_absolute_time}), instead of
   * when it was set to before. Errors: `kIOReturnUnsupported` after `Cancel`.
   */
  *WakeAtTime(_options: number, deadline: number, _leeway = 0): Program<number> {
    yield* this.used();
    return yield* act('WakeAtTime', 'kernel', (step) => {
      if (step.world.sources.get(this.id)!.cancelled) {
        step.look('source', this.id);
        step.emit({ kind: 'refuse', code: kIOReturnUnsupported, call: 'WakeAtTime' });
        return kIOReturnUnsupported;
      }
      setTimer(step, this.id, deadline);
      return kIOReturnSuccess;
    });
  }
}
