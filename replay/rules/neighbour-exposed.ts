import type { Descriptor } from '../../core/iokit/state.ts';
import { entryAt } from '../../core/memory/fault.ts';
import { alignDown, alignUp, hex } from '../../core/units.ts';
import type { World } from '../../core/world.ts';
import type { Rule } from '../rule.ts';
import { Bounces } from './shared/bounces.ts';
import { tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

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
    const bounces = new Bounces();
    return {
      on: together(bounces.on, {
        'command.prepared': ({ command }, { seq, actor, world }) => {
          const { descriptor } = world.commands.get(command)!;
          const neighbour = neighbourOf(world, world.descriptors.get(descriptor)!, bounces);
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
      }),
    };
  },
};

/** What else of the app lies in the first and last pages of the descriptor's ranges, where the device works on these. */
function neighbourOf(world: World, { task, ranges, wired }: Descriptor, bounces: Bounces): string | undefined {
  const space = world.tasks.get(task);
  if (task === 0 || space === undefined) return undefined;
  const { pageSize } = world.machine;
  const reached = (page: number): boolean => bounces.ofMemory(wired[page]?.frame ?? -1).length === 0;
  let firstPage = 0;
  for (const { address, length } of ranges) {
    const end = address + length;
    const first = alignDown(address, pageSize);
    const last = alignUp(end, pageSize);
    const [atFirst, atLast] = [reached(firstPage), reached(firstPage + (last - first) / pageSize - 1)];
    firstPage += (last - first) / pageSize;
    if ((first === address || !atFirst) && (last === end || !atLast)) continue;
    let inHeap = false;
    for (const block of space.heap.blocks.values()) {
      const stop = block.address + block.size;
      if (block.address <= address && address < stop) inHeap = true;
      const before = atFirst && block.address < address && stop > first;
      const after = atLast && stop > end && block.address < last;
      if (before || after) return `the heap block at ${hex(block.address)}+${block.size}`;
    }
    // Outside the heap, what follows a buffer may be nobody's; what comes before it in its mapping is somebody's.
    const entry = entryAt(world, task, address);
    if (!inHeap && atFirst && entry !== undefined && Math.max(entry.start, first) < address) {
      return `what the app has mapped from ${hex(Math.max(entry.start, first))} to ${hex(address)}`;
    }
  }
  return undefined;
}
