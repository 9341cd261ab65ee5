/** Dispatch sources: what calls a handler on a queue (facts §7.2; IODispatchSource.iig, IOTimerDispatchSource.iig). */
import { act, asProgram, now, type Program, type Step } from '../operation.ts';
import { enqueue, serverName } from './queue.ts';

/** What the live registry has of a source: called with how often it has fired since the last time, and when last. */
export type Handler = (count: number, time: number) => Program;

/** Puts the source's handler on its queue, unless it is there already or nothing has come. */
export function queueHandler(step: Step, id: number): void {
  const source = step.world.sources.get(id)!;
  if (!source.enabled || source.queued || source.count === 0 || !step.live.has(id)) return;
  const method = source.device === 0 ? 'TimerOccurred' : 'InterruptOccurred';
  enqueue(step, source.queue, method, false, () => deliver(id));
  step.emit({ kind: 'source.queue', source: id });
}

/** Calls the handler once for everything that has come until now. */
function* deliver(id: number): Program<number> {
  const { handler, count, time } = yield* now((step) => {
    const source = step.world.sources.get(id);
    // It may have been freed while this waited on the queue.
    if (source === undefined) {
      step.look('source', id);
      return { handler: undefined, count: 0, time: 0 };
    }
    const came = { count: source.count, time: source.time };
    step.emit({ kind: 'source.deliver', source: id, count: source.count });
    return { handler: step.live.get(id) as Handler, ...came };
  });
  if (handler !== undefined) yield* asProgram("a source's handler", handler(count, time));
  yield* now((step) => {
    if (step.world.sources.get(id)?.masked !== true) return;
    step.emit({ kind: 'source.rearm', source: id });
    queueHandler(step, id);
  });
  return 0;
}

/** Sets a timer, instead of what it was set to: an actor of the queue's process sleeps until the time has come. */
export function setTimer(step: Step, id: number, deadline: number): void {
  stopTimer(step, id);
  const { task } = step.world.queues.get(step.world.sources.get(id)!.queue)!;
  const timer = step.spawn({
    name: serverName(step.world, task, `timer-${id}`),
    role: 'dext',
    task,
    daemon: true,
    waits: true,
    program: goOff(id, Math.max(deadline - step.now, 0)),
  });
  step.emit({ kind: 'timer.set', source: id, timer, deadline });
}

/** A timer that is set goes off no more. */
export function stopTimer(step: Step, id: number): void {
  const timer = step.world.actors.get(step.world.sources.get(id)?.timer ?? 0);
  if (timer?.alive === true) step.emit({ kind: 'actor.exit', actor: timer.id, reason: 'returned' });
}

function* goOff(source: number, timeout: number): Program {
  yield* act(
    'timer',
    'kernel',
    (step) => {
      step.emit({ kind: 'timer.fire', source });
      queueHandler(step, source);
    },
    { on: ['source', source], lasting: true, idle: true, ready: () => false, timeout },
  );
}
