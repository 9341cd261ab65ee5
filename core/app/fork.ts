/** Child processes of the app. */
import { mustExist } from '../actors/threads.ts';
import { forkTask } from '../memory/fork.ts';
import { act, asProgram, type Act, type Program } from '../operation.ts';
import { endOfMain } from './process.ts';

/**
 * Makes a child process, in one step; evaluates to its number. It runs `main` alone, on a copy of the memory, at the
 * same addresses (facts §9). It has no connections: those belong to the parent.
 */
export function fork(name: string, main: () => Program<unknown>): Act<number> {
  return act('fork', 'syscall', (step) => {
    const task = forkTask(step, step.world.actors.get(step.actor)!.task, name);
    const program = asProgram(name, main());
    step.spawn({ name: `${name}:main`, role: 'app', task, program, epilogue: endOfMain });
    return task;
  });
}

/** Waits until a child process has ended. */
export function waitpid(child: number): Act<void> {
  return act(
    'waitpid',
    'syscall',
    (step) => {
      mustExist(step.world.tasks, 'process', child);
      step.emit({ kind: 'task.wait', task: child });
    },
    {
      on: ['task', child],
      ready: (world) => (world.tasks.get(child)?.state ?? 'gone') === 'gone',
      waitsFor: (world) => `the end of process ${child} "${world.tasks.get(child)!.name}"`,
    },
  );
}
