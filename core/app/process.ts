/** The app as a process: its end (facts §3.6). */
import { unmap } from '../memory/space.ts';
import { act, now, type Program } from '../operation.ts';
import { clientClose } from './iokitlib.ts';

/**
 * What every thread ends with: if no other thread of the process is alive, the process ends, as after
 * `pthread_exit`: its connections die, then its address space goes (facts §3.6).
 */
export function* exitAfterLast(): Program {
  const { last, task } = yield* now(({ world, actor }) => {
    const { task: own } = world.actors.get(actor)!;
    const others = [...world.actors.values()].some((other) => other.task === own && other.id !== actor && other.alive);
    return { last: !others, task: own };
  });
  if (!last) return;
  yield* act('exit', 'syscall', (step) => {
    const { world } = step;
    for (const { id, state } of world.connections.values()) {
      if (state !== 'open' || world.connections.get(id)!.task !== task) continue;
      step.spawn({ name: `kernel:client-died-${id}`, role: 'kernel', task: 0, program: clientClose(id) });
    }
    const { entries } = world.tasks.get(task)!;
    const lowest = entries[0]?.start ?? 0;
    const end = entries.at(-1)?.end ?? lowest;
    if (end > lowest) unmap(step, task, lowest, end - lowest);
    step.emit({ kind: 'task.exit', task, reason: 'returned' });
  });
}
