/** Actions that call a dext back, and waiting for one (facts §7.4; OSAction.iig). */
import { kIOReturnAborted, kIOReturnBusy, kIOReturnSuccess, kIOReturnTimeout } from '../codes.ts';
import { act, asProgram, Crash, now, type Act, type Program } from '../operation.ts';
import type { World } from '../world.ts';
import { holderOf } from './queue.ts';
import type { Queue } from './state.ts';

/** Makes an action of the dext's own; evaluates to its number. */
export function makeAction(): Act<number> {
  return act('CreateAction', 'kernel', (step) => {
    const action = step.world.nextId;
    step.emit({ kind: 'action.make', action });
    return action;
  });
}

/** Runs an action's callback, unless it was cancelled; then wakes who waits for it. */
export function* callBack(action: number, callback: () => Program): Program {
  const dead = yield* now((step) => {
    step.look('action', action);
    return step.world.actions.get(action)?.cancelled !== false;
  });
  if (dead) return;
  yield* asProgram('the callback of an action', callback());
  yield* now((step) => {
    if (step.world.actions.has(action)) step.emit({ kind: 'action.called', action });
  });
}

/** Remembers callbacks from now on. Errors: an action has one waiter; the code for a second is not established. */
export function willWait(action: number): Act<number> {
  return act('WillWait', 'kernel', (step) => {
    if (step.world.actions.get(action)!.wait === null) {
      step.emit({ kind: 'action.await', action, waiting: true });
      return kIOReturnSuccess;
    }
    step.look('action', action);
    step.emit({ kind: 'unspecified', what: 'the error of a second WillWait; Busy here' });
    step.emit({ kind: 'refuse', code: kIOReturnBusy, call: 'WillWait' });
    return kIOReturnBusy;
  });
}

/** Why a wait for the action is over; nothing while it is not. */
function outcomeOf(world: World, id: number): number | undefined {
  const action = world.actions.get(id);
  if (action === undefined || action.cancelled) return kIOReturnAborted;
  return action.wait?.called === true ? kIOReturnSuccess : undefined;
}

/** The queue on which the action's callback waits to be run, if it does. */
function queueOf(world: World, action: number): Queue | undefined {
  const source = [...world.sources.values()].find((other) => other.action === action && other.queued);
  return source === undefined ? undefined : world.queues.get(source.queue);
}

/**
 * Waits for the end of a callback, until the deadline at the latest (virtual time in nanoseconds; 0 for none). Evaluates
 * to success, `kIOReturnAborted` when the action was cancelled or is gone, or `kIOReturnTimeout`.
 */
export function* waitFor(action: number, deadline: number): Program<number> {
  const timeout = yield* now(({ world, now: time }) => {
    const { wait } = world.actions.get(action)!;
    if (wait === null) throw new Crash('EXC_BAD_ACCESS: OSAction::Wait without WillWait');
    return deadline === 0 ? undefined : Math.max(deadline - time, 0);
  });
  return yield* act(
    'OSAction::Wait',
    'kernel',
    (step) => {
      const code = outcomeOf(step.world, action) ?? kIOReturnTimeout;
      step.emit({ kind: 'action.wake', action, code });
      return code;
    },
    {
      on: ['action', action],
      ready: (world) => outcomeOf(world, action) !== undefined,
      waitsFor: (world) => {
        const queue = queueOf(world, action);
        const running = world.items.get(queue?.running ?? 0)?.method ?? 'nothing';
        const where =
          queue === undefined ? '' : `, which is on queue "${queue.name}" and waits for the end of ${running}`;
        return `a callback of action #${action}${where}`;
      },
      heldBy: (world) => {
        const queue = queueOf(world, action);
        return queue === undefined ? [] : [holderOf(world, queue.id)];
      },
      timeout,
    },
  );
}

/** Forgets callbacks. Evaluates to what the wait came to. */
export function endWait(action: number): Act<number> {
  return act('EndWait', 'kernel', (step) => {
    const { cancelled, wait } = step.world.actions.get(action)!;
    step.emit({ kind: 'action.await', action, waiting: false });
    return cancelled ? kIOReturnAborted : (wait?.code ?? kIOReturnSuccess);
  });
}

/** No callback begins any more, and who waits for one wakes. */
export function cancelAction(action: number): Act<number> {
  return act('OSAction::Cancel', 'kernel', (step) => {
    step.emit({ kind: 'action.cancel', action });
    return kIOReturnSuccess;
  });
}
