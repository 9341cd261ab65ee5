import { kIOReturnSuccess } from '../codes.ts';
import { callBack, cancelAction, endWait, makeAction, waitFor, willWait } from '../iokit/action.ts';
import type { Program } from '../operation.ts';
import { OSObject } from './objects.ts';

/** What {@link OSAction.WillWait} hands out: there is one waiter for an action. */
export interface OSActionWaitToken {
  readonly action: number;
}

/** The method that an action calls back. */
export type ActionCallback<Args extends readonly unknown[]> = (...args: Args) => Program;

/** The completion of an asynchronous call, kept with `retain()`; or a callback of the dext (facts §3.5, §7.4). */
export class OSAction<Args extends readonly unknown[] = readonly never[]> extends OSObject {
  private readonly callback: ActionCallback<Args> | undefined;

  constructor(id: number, callback?: ActionCallback<Args>) {
    super(id);
    this.callback = callback;
  }

  /** The generated `CreateAction…` of a method: makes an action for `SetHandler` of a dispatch source. */
  static *Create<Given extends readonly unknown[]>(
    callback: ActionCallback<Given>,
  ): Program<[code: number, action: OSAction<Given>]> {
    return [kIOReturnSuccess, new OSAction(yield* makeAction(), callback)];
  }

  /** Calls back, on the caller's queue; what a dispatch source does with its handler. */
  invoke(...args: Args): Program {
    return callBack(this.id, () => this.callback!(...args));
  }

  /**
   * Must come before what is waited for can happen. Errors: an error when somebody waits already; `kIOReturnBusy` here,
   * which one it is on a Mac is not established.
   */
  *WillWait(): Program<[code: number, token: OSActionWaitToken | null]> {
    yield* this.used();
    const code = yield* willWait(this.id);
    return [code, code === kIOReturnSuccess ? { action: this.id } : null];
  }

  /**
   * Blocks until a callback has ended. The queue that the caller runs on stays taken: a callback that goes there never
   * comes. `deadline` is in nanoseconds of virtual time, 0 for none. Errors: `kIOReturnAborted` when the action was
   * cancelled or is gone, `kIOReturnTimeout` at the deadline (facts §7.4).
   * @throws {Crash} in the program, without a token of {@link WillWait}
   */
  *Wait(_token: OSActionWaitToken | null, _options = 0, deadline = 0): Program<number> {
    yield* this.used();
    return yield* waitFor(this.id, deadline);
  }

  /** Ends what {@link WillWait} began. Evaluates to `kIOReturnAborted` or `kIOReturnTimeout` as `Wait` did. */
  *EndWait(_token: OSActionWaitToken | null): Program<number> {
    yield* this.used();
    return yield* endWait(this.id);
  }

  /** No callback begins any more. */
  *Cancel(): Program<number> {
    yield* this.used();
    return yield* cancelAction(this.id);
  }
}
