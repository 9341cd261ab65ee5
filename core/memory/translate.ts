/** Virtual to physical, through the translations that faults have entered. */
import type { World } from '../world.ts';
import type { Translation } from './state.ts';

/** The translation of the page that holds `address`, if a fault has entered one. */
export function translationAt(world: World, task: number, address: number): Translation | undefined {
  return world.tasks.get(task)!.translations.get(Math.floor(address / world.machine.pageSize));
}

/**
 * Calls `visit` for each physical piece behind a virtual range, in address order.
 * Pages without a translation are left out: nothing can have touched their bytes.
 */
export function eachPiece(
  world: World,
  task: number,
  address: number,
  length: number,
  visit: (frame: number, offset: number, length: number, done: number) => void,
): void {
  const { pageSize } = world.machine;
  const lead = address % pageSize;
  if (lead + length <= pageSize) {
    const translation = translationAt(world, task, address);
    if (translation !== undefined && length > 0) visit(translation.frame, lead, length, 0);
    return;
  }
  for (let done = 0; done < length;) {
    const offset = (address + done) % pageSize;
    const piece = Math.min(length - done, pageSize - offset);
    const translation = translationAt(world, task, address + done);
    if (translation !== undefined) visit(translation.frame, offset, piece, done);
    done += piece;
  }
}
