import type { Descriptor } from '../../core/iokit/state.ts';
import { entryAt } from '../../core/memory/fault.ts';
import { alignDown, alignUp, hex } from '../../core/units.ts';
import type { World } from '../../core/world.ts';
import type { Rule } from '../rule.ts';
import { tellMemory, who } from './shared/tell.ts';

/**
 * A buffer begins or ends inside a page that holds other bytes of the app in use: the device can reach them, since
 * whole pages are mapped for it (facts §9 "Sub-page sharing", §10 (40)).
 */
export const neighbourExposed: Rule = {
  name: 'neighbour-exposed',
  severity: 'warning',
  advice:
    'Allocate what a device works on in whole pages of its own: posix_memalign, with a length that is rounded up.',
  watch(report) {
    return {
      on: {
        'command.prepared': ({ command }, { seq, actor, world }) => {
          const { descriptor } = world.commands.get(command)!;
          const neighbour = neighbourOf(world, world.descriptors.get(descriptor)!);
          if (neighbour === undefined) return;
          report({
            message: `the device can reach more than the buffer:
  event ${seq}: ${who(world, actor)} prepares command #${command} with ${tellMemory(world, descriptor)}
  in the same page lies ${neighbour}`,
            seq,
            actors: [actor],
            key: String(descriptor),
          });
        },
      },
    };
  },
};

/** What else of the app lies in the first and last pages of the descriptor's ranges. */
function neighbourOf(world: World, { task, ranges }: Descriptor): string | undefined {
  const space = world.tasks.get(task);
  if (task === 0 || space === undefined) return undefined;
  const { pageSize } = world.machine;
  for (const { address, length } of ranges) {
    const end = address + length;
    const first = alignDown(address, pageSize);
    const last = alignUp(end, pageSize);
    if (first === address && last === end) continue;
    let inHeap = false;
    for (const block of space.heap.blocks.values()) {
      const stop = block.address + block.size;
      if (block.address <= address && address < stop) inHeap = true;
      const before = block.address < address && stop > first;
      const after = stop > end && block.address < last;
      if (before || after) return `the heap block at ${hex(block.address)}+${block.size}`;
    }
    // Outside the heap, what follows a buffer may be nobody's; what comes before it in its mapping is somebody's.
    const entry = entryAt(world, task, address);
    if (!inHeap && entry !== undefined && Math.max(entry.start, first) < address) {
      return `what the app has mapped from ${hex(Math.max(entry.start, first))} to ${hex(address)}`;
    }
  }
  return undefined;
}
