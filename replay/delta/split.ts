/** Cuts a list into `parts` pieces of about the same length, in order; there are at most as many as items. */
export function split<T>(list: readonly T[], parts: number): T[][] {
  const pieces: T[][] = [];
  for (let piece = 0, from = 0; piece < parts; piece += 1) {
    const to = Math.floor((list.length * (piece + 1)) / parts);
    if (to > from) pieces.push(list.slice(from, to));
    from = to;
  }
  return pieces;
}
