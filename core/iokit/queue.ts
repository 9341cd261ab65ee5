/** Dispatch queues, and remote calls onto them (facts §1.5, §7.4). */
import { kIOReturnNotReady, kIOReturnOffline, kIOReturnSuccess, MIG_SERVER_DIED } from '../codes.ts';
import { kernelTask } from '../memory/state.ts';
import { act, now, type Program, type Step } from '../operation.ts';
import type { World } from '../world.ts';

/** What a queue runs: evaluates to the code that a remote caller gets. */
export type Work = () => Program<number>;

/** The actor that serves a queue: takes the oldest item, runs it, answers; until another has taken its place. */
function* serve(queue: number): Program {
  do {
    const [item, work] = yield* act(
      'dispatch',
      'message',
      (step): [number, Work] => {
        const next = step.world.queues.get(queue)!.items[0]!;
        const server = step.world.items.get(next)!.concurrent ? relieve(step, queue) : step.actor;
        step.emit({ kind: 'queue.dispatch', queue, item: next, server });
        const run = step.live.get(next) as Work;
        step.live.delete(next);
        return [next, run];
      },
      {
        on: ['queue', queue],
        ready: (world) => mayBegin(world, queue),
        waitsFor: () => 'work',
        idle: true,
      },
    );
    const code = yield* work();
    yield* act('reply', 'message', (step) => step.emit({ kind: 'queue.done', queue, item, code }));
  } while (yield* now(({ world, actor }) => world.queues.get(queue)!.server === actor));
}

/** Whether a queue's next item can be run: beside others, if all of them are of the kind that may. */
function mayBegin(world: World, queue: number): boolean {
  const { items, running, together } = world.queues.get(queue)!;
  const [next] = items;
  return next !== undefined && running === 0 && (together.length === 0 || world.items.get(next)!.concurrent);
}

/** Makes a queue and the actor that serves it; evaluates to the queue's number. */
export function createQueue(step: Step, name: string, task: number, reentrant = false): number {
  const queue = step.world.nextId;
  step.emit({ kind: 'queue.create', queue, task, reentrant, name });
  step.spawn({ name: serverName(step.world, task, name), role: 'dext', task, daemon: true, program: serve(queue) });
  return queue;
}

/** How an actor of a driver's process is called. */
export function serverName(world: World, task: number, part: string): string {
  return `${world.tasks.get(task)!.name === kernelTask ? 'kext' : 'dext'}:${part}`;
}

/** Starts an actor that serves the queue in the place of who did it; evaluates to its number. */
export function relieve(step: Step, id: number): number {
  const { name, task, servers } = step.world.queues.get(id)!;
  return step.spawn({
    name: `${serverName(step.world, task, name)}-${servers + 1}`,
    role: 'dext',
    task,
    daemon: true,
    waits: true,
    program: serve(id),
  });
}

/** Who keeps a queue's next item from being run. */
export function holderOf(world: World, id: number): number {
  const { running, together, server } = world.queues.get(id)!;
  return world.items.get(running === 0 ? (together[0] ?? 0) : running)?.actor ?? server;
}

/** Puts work on a queue; evaluates to the item's number. */
export function enqueue(
  step: Step,
  queue: number,
  method: string,
  answered: boolean,
  work: Work,
  concurrent = false,
): number {
  const item = step.world.nextId;
  step.emit({ kind: 'queue.enqueue', queue, item, answered, concurrent, method });
  step.live.set(item, work);
  return item;
}

/** What keeps an item from being answered, for deadlock findings. */
function holdUp(world: World, itemId: number): string {
  const item = world.items.get(itemId)!;
  const queue = world.queues.get(item.queue)!;
  const running = world.items.get(queue.running === 0 ? (queue.together[0] ?? 0) : queue.running);
  const state =
    item.state === 'running'
      ? 'is running it'
      : running === undefined
        ? 'has not begun it'
        : `is still in ${running.method}`;
  return `the reply of ${item.method} from queue "${queue.name}", which ${state}`;
}

/** Whether the process that serves the queue has lost its ports. */
function disconnected(world: World, queue: number): boolean {
  const { state } = world.tasks.get(world.queues.get(queue)!.task)!;
  return state === 'disconnected' || state === 'gone';
}

/** Why a queue takes no work, as a remote caller hears it; success when it does. */
function refusal(world: World, queue: number): number {
  if (disconnected(world, queue)) return kIOReturnOffline;
  return world.queues.get(queue)!.cancelled ? kIOReturnNotReady : kIOReturnSuccess;
}

/**
 * A remote call: enqueues the work and waits, uninterruptibly, for the answer (facts §1.5). Evaluates to the method's
 * own code, `MIG_SERVER_DIED` when the dext dies, `kIOReturnOffline` after that, `kIOReturnNotReady` from a stopped queue.
 */
export function* rpc(queue: number, method: string, work: Work): Program<number> {
  const { item, code: refused } = yield* act('rpc', 'message', (step) => {
    const code = refusal(step.world, queue);
    if (code === kIOReturnSuccess) return { item: enqueue(step, queue, method, true, work), code };
    step.look('queue', queue);
    step.look('task', step.world.queues.get(queue)!.task);
    step.emit({ kind: 'refuse', code, call: method });
    return { item: 0, code };
  });
  if (item === 0) return refused;
  return yield* act(
    'reply',
    'message',
    (step) => {
      const { state, code } = step.world.items.get(item)!;
      const answer = state === 'done' ? code : MIG_SERVER_DIED;
      step.emit({ kind: 'rpc.return', item, queue, code: answer });
      return answer;
    },
    {
      on: ['queue', queue],
      ready: (world) => world.items.get(item)!.state === 'done' || disconnected(world, queue),
      waitsFor: (world) => holdUp(world, item),
      heldBy: (world) => [world.items.get(item)!.actor || holderOf(world, queue)],
    },
  );
}
