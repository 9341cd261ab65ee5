/** Wakeup trees: beginnings of executions that are still to be made (Abdulla et al., JACM 2017, section 6). */
import { conflict, conflictOf, type Ranges } from './ranges.ts';

/** An actor's step, as far as it matters to the order of others. */
export interface Move {
  readonly actor: number;
  readonly ranges: Ranges;
}

/** A move, and what can follow it, in the order in which it is to be tried. */
export interface Branch extends Move {
  /** Known once it has been made. */
  ranges: Ranges;
  branches: Branch[];
}

/**
 * Whether the move could come first in some execution that begins with these moves, but for the order of what commutes:
 * a weak initial. Either it is one of them and depends on none before it, or it commutes with them all.
 * Evaluates to its place among them, or their number when it is none of them; -1 when it could not.
 */
export function weakInitial(move: Move, moves: readonly Move[]): number {
  for (let i = 0; i < moves.length; i += 1) {
    if (moves[i]!.actor === move.actor) return i;
    if (conflictOf(moves[i]!.ranges, move.ranges) !== conflict.none) return -1;
  }
  return moves.length;
}

/** Adds the moves as a beginning, unless the tree has one that can be extended to an execution of the same trace. */
export function insert(tree: Branch[], moves: readonly Move[]): void {
  let rest = moves;
  let at = tree;
  for (;;) {
    let next: Branch | undefined;
    for (const branch of at) {
      const place = weakInitial(branch, rest);
      if (place === -1) continue;
      next = branch;
      rest = place === rest.length ? rest : [...rest.slice(0, place), ...rest.slice(place + 1)];
      break;
    }
    if (next === undefined) break;
    // At a leaf, whatever follows is covered by what will be found there.
    if (next.branches.length === 0 || rest.length === 0) return;
    at = next.branches;
  }
  for (const { actor, ranges } of rest) {
    const branch: Branch = { actor, ranges, branches: [] };
    at.push(branch);
    at = branch.branches;
  }
}
