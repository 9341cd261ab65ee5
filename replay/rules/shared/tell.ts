/** Pieces of the stories that rules tell. */
import { actorName } from '../../../core/actors/threads.ts';
import { hex } from '../../../core/units.ts';
import type { World } from '../../../core/world.ts';
import type { Beat } from '../../rule.ts';

/** What a beat did, and where it belongs. */
export function tellBeat({ kind, length, address, request, segment }: Beat): string {
  const verb = kind === 'dma.read' ? 'reads' : 'writes';
  return `${verb} ${length} bytes at bus address ${hex(address)} (request ${request} segment ${segment})`;
}

/** A descriptor and what it describes. */
export function tellMemory(world: World, id: number): string {
  const descriptor = world.descriptors.get(id);
  if (descriptor === undefined) return `descriptor #${id}`;
  const { type, task, ranges, direction } = descriptor;
  if (type === 'buffer') return `buffer #${id} of ${descriptor.length} bytes`;
  if (type !== 'general') return `${type} descriptor #${id} of ${descriptor.length} bytes, direction ${direction}`;
  const at = ranges.map((range) => `${hex(range.address)}+${range.length}`).join(' ');
  return `descriptor #${id} (${at} of ${world.tasks.get(task)?.name ?? `task ${task}`}, direction ${direction})`;
}

export { actorName as who };
