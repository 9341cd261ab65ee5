import { createHash } from 'node:crypto';

/** A short text for a list of numbers, the same for equal lists: what has been tried is remembered by it. */
export function keyOf(list: readonly number[]): string {
  return createHash('sha1').update(Float64Array.from(list)).digest('base64');
}
