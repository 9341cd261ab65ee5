/** The app as a process: how its threads end it. */
import { kill as killTask } from '../actors/dying.ts';
import { act, type Act, type Program, type Step } from '../operation.ts';
import type { World } from '../world.ts';

const taskOf = (world: World, actor: number): number => world.actors.get(actor)!.task;

/** Whether the actor is the last thread of its process. */
function isLast(step: Step): boolean {
  const task = taskOf(step.world, step.actor);
  for (const { id, task: own, alive } of step.world.actors.values()) {
    if (own !== task || id === step.actor) continue;
    step.look('actor', id);
    if (alive) return false;
  }
  return true;
}

/** Ends the process, with all its threads. */
export function exit(status = 0): Act<void> {
  return act('exit', 'syscall', (step) => killTask(step, taskOf(step.world, step.actor), 'exit', `exit ${status}`));
}

/** Ends the process as a signal that it does not catch does: SIGKILL, or what a crash sends. */
export function kill(signal = 9): Act<void> {
  return act('kill', 'syscall', (step) => killTask(step, taskOf(step.world, step.actor), 'kill', `signal ${signal}`));
}

/** Ends the calling thread; with the last one, the process. */
export function pthread_exit(): Act<void> {
  return act('pthread_exit', 'syscall', (step) => {
    if (isLast(step)) endByReturning(step);
    else step.emit({ kind: 'actor.exit', actor: step.actor, reason: 'returned' });
  });
}

function endByReturning(step: Step): void {
  killTask(step, taskOf(step.world, step.actor), 'returned', 'the last thread has ended');
}

/** What a thread ends with: if no other thread of the process is alive, the process ends. */
export function endOfThread(_result: unknown, step: Step): Program | undefined {
  return isLast(step) ? endOfLast() : undefined;
}

function* endOfLast(): Program {
  yield* act('exit', 'syscall', endByReturning);
}

/** What the main thread ends with: returning from `main` is `exit`. */
export function* endOfMain(): Program {
  yield* act('exit', 'syscall', (step) =>
    killTask(step, taskOf(step.world, step.actor), 'returned', 'main has returned'),
  );
}
