/** How a process begins to end (facts §1.5, §3.6). */
import { exitProcedure } from '../iokit/exit.ts';
import type { Death } from '../memory/state.ts';
import type { Step } from '../operation.ts';

/**
 * Kills a process: threads in user space end now, those in the kernel at their way out, and the kernel
 * takes the process apart by itself. Does nothing to a process that is dying already.
 */
export function kill(step: Step, task: number, death: Death, reason: string): void {
  const { name, state } = step.world.tasks.get(task)!;
  if (state !== 'alive') return;
  step.emit({ kind: 'task.kill', task, death, reason });
  for (const actor of step.world.actors.values()) {
    if (actor.task !== task || !actor.alive || step.isInKernel(actor.id)) continue;
    const willing = actor.id === step.actor && death !== 'kill';
    step.emit({ kind: 'actor.exit', actor: actor.id, reason: willing ? 'returned' : 'killed' });
  }
  step.spawn({ name: `kernel:exit-${name}`, role: 'kernel', task: 0, program: exitProcedure(task) });
}
