/** How a child process gets its parent's memory (facts §9 "fork"; xnu osfmk/vm/vm_map.c vm_map_fork). */
import type { Step } from '../operation.ts';
import { bringIn, copyPage } from './fault.ts';
import { makeObject } from './space.ts';
import type { MapEntry } from './state.ts';

/**
 * Makes the child's task; evaluates to it. Shared ranges are shared. A range with a wired page is copied at once, so
 * that the parent keeps the pages that a device works on (VMM:13758-13761, 13866-13878); others on write.
 */
export function forkTask(step: Step, parent: number, name: string): number {
  const task = step.world.nextId;
  step.emit({ kind: 'task.create', task, name });
  step.emit({ kind: 'task.fork', task, parent });
  for (const entry of step.world.tasks.get(parent)!.entries) {
    const { start: address, end, offset, protection, shared } = entry;
    const object = shared ? entry.object : copyFor(step, entry);
    const length = end - address;
    step.emit({ kind: 'vm.enter', task, address, length, object, offset, protection });
    if (shared) step.emit({ kind: 'vm.share', task, address, length });
  }
  return task;
}

function copyFor(step: Step, { object: from, offset, start, end }: MapEntry): number {
  const { world } = step;
  const { pageSize } = world.machine;
  const source = world.objects.get(from)!;
  const first = offset / pageSize;
  const pages = Array.from({ length: (end - start) / pageSize }, (_, index) => first + index);
  const wired = pages.some((page) => (world.frames.get(source.pages.get(page) ?? -1)?.wires ?? 0) > 0);
  const copy = makeObject(step, source.size, source.strategy);
  if (!wired) step.emit({ kind: 'vm.copy', object: from, copy });
  else for (const page of pages) if (bringIn(step, from, page) !== undefined) copyPage(step, from, copy, page);
  return copy;
}
