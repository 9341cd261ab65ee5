/** Waiting for an event on a dispatch queue (facts §7.4; IODispatchQueue.iig Sleep, Wakeup). */
import { kIOReturnSuccess, kIOReturnTimeout } from '../codes.ts';
import { act, type Act, type Program, type Step } from '../operation.ts';
import { hex } from '../units.ts';
import type { World } from '../world.ts';
import { holderOf, relieve } from './queue.ts';
import type { Queue, Sleeper } from './state.ts';

/** Whether who moves runs on the queue; if not, a Mac may do otherwise. */
function runsOn(step: Step, queue: Queue, call: string): boolean {
  const on = step.world.items.get(queue.running)?.actor === step.actor;
  if (!on) step.emit({ kind: 'unspecified', what: `${call} by somebody who does not run on the queue` });
  return on;
}

function sleeperOf(world: World, queue: number, actor: number): Sleeper {
  return world.queues.get(queue)!.sleepers.find((sleeper) => sleeper.actor === actor)!;
}

/**
 * Queues of the process on which work waits, the own one alone if it does there: when nobody can move, a wake-up could
 * only come from there.
 */
function waitingQueues(world: World, queue: number): Queue[] {
  const own = world.queues.get(queue)!;
  if (own.items.length > 0) return [own];
  return [...world.queues.values()].filter(({ task, items }) => task === own.task && items.length > 0);
}

/**
 * Waits for the event, until the deadline at the latest (virtual time in nanoseconds; 0 for none). A reentrant queue runs
 * its next items meanwhile, and the caller goes on when it is free again. Evaluates to success or `kIOReturnTimeout`.
 */
export function* sleepOn(id: number, event: number, deadline: number): Program<number> {
  const call = 'IODispatchQueue::Sleep';
  const { item, timeout } = yield* act(call, 'kernel', (step) => {
    const queue = step.world.queues.get(id)!;
    const { running, reentrant } = queue;
    const released = runsOn(step, queue, call) && reentrant;
    step.emit({ kind: 'queue.sleep', queue: id, event, server: released ? relieve(step, id) : 0 });
    return {
      item: released ? running : 0,
      timeout: deadline === 0 ? undefined : Math.max(deadline - step.now, 0),
    };
  });
  const code = yield* act(
    call,
    'kernel',
    (step) => {
      const { awake } = sleeperOf(step.world, id, step.actor);
      const woken = awake ? kIOReturnSuccess : kIOReturnTimeout;
      step.emit({ kind: 'queue.wake', queue: id, event, code: woken });
      return woken;
    },
    {
      on: ['queue', id],
      ready: (world, actor) => sleeperOf(world, id, actor).awake,
      waitsFor: (world) => `event ${hex(event)} of queue "${world.queues.get(id)!.name}"${behind(world, id)}`,
      heldBy: (world) => waitingQueues(world, id).map((queue) => holderOf(world, queue.id)),
      timeout,
    },
  );
  if (item !== 0) yield* resume(id, item);
  return code;
}

/** What a sleeper may have waited for, for deadlock findings. */
function behind(world: World, id: number): string {
  return waitingQueues(world, id)
    .map(({ name, items, running }) => {
      const methods = items.map((item) => world.items.get(item)!.method).join(', ');
      return `, while ${methods} on queue "${name}" waits for the end of ${world.items.get(running)?.method ?? 'nothing'}`;
    })
    .join('');
}

/** Takes the queue back when nobody runs on it. */
function resume(queue: number, item: number): Act<void> {
  return act('IODispatchQueue::Sleep', 'kernel', (step) => step.emit({ kind: 'queue.resume', queue, item }), {
    on: ['queue', queue],
    ready: (world) => world.queues.get(queue)!.running === 0 && world.queues.get(queue)!.together.length === 0,
    waitsFor: (world) => `queue "${world.queues.get(queue)!.name}" to be free`,
    heldBy: (world) => [holderOf(world, queue)],
  });
}

/** Wakes who has slept longest for the event, or all; nobody when none sleeps. */
export function wakeUp(id: number, event: number, all: boolean): Act<number> {
  const call = 'IODispatchQueue::Wakeup';
  return act(call, 'kernel', (step) => {
    runsOn(step, step.world.queues.get(id)!, call);
    step.emit({ kind: 'queue.wakeup', queue: id, event, all });
    return kIOReturnSuccess;
  });
}
