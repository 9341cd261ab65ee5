import type { World } from '../world.ts';

/** The number of a process that lives; undefined when there is none, or not any more. */
export function living(world: World, process: 'app' | 'dext'): number | undefined {
  return [...world.tasks.values()].find(({ name, state }) => name === process && state === 'alive')?.id;
}
