/**
 * Which of an actor's operations in one run are which in the other: the shortest edit script (Myers, "An O(ND)
 * Difference Algorithm and Its Variations", 1986), looked for in a window that moves along, so that long rows
 * cost little.
 */
import { kindInToken } from './identities.ts';

/** A row of tokens. */
export interface Tokens {
  readonly length: number;
  get(index: number): number;
}

/** Operations that belong together, one by one, from `a` and from `b` on. */
export interface Run {
  readonly a: number;
  readonly b: number;
  readonly length: number;
}

/** Tokens in a window; a gap of more is not bridged. */
const windowLength = 2_048;
/** Edits looked for in a window before what was found so far is taken. */
const editsMax = 512;

/** Collects runs, joining those that follow each other. */
class Runs {
  readonly list: Run[] = [];

  add(a: number, b: number, length: number): void {
    if (length === 0) return;
    const last = this.list.at(-1);
    if (last !== undefined && last.a + last.length === a && last.b + last.length === b)
      this.list[this.list.length - 1] = { ...last, length: last.length + length };
    else this.list.push({ a, b, length });
  }
}

/** Aligns two rows: runs in order. What is in no run only one of them has. */
export function align(a: Tokens, b: Tokens): Run[] {
  const same = new Runs();
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    let length = 0;
    while (i + length < a.length && j + length < b.length && a.get(i + length) === b.get(j + length)) length += 1;
    same.add(i, j, length);
    i += length;
    j += length;
    if (i === a.length || j === b.length) break;
    const end = bridge(a, b, i, j, same);
    i = end.a;
    j = end.b;
  }
  return same.list;
}

/** Finds the shortest way through one window, adds what it keeps, and evaluates to where it ends. */
function bridge(a: Tokens, b: Tokens, i: number, j: number, same: Runs): { a: number; b: number } {
  const width = Math.min(windowLength, a.length - i);
  const height = Math.min(windowLength, b.length - j);
  const left = Int32Array.from({ length: width }, (_, at) => a.get(i + at));
  const right = Int32Array.from({ length: height }, (_, at) => b.get(j + at));
  /** Whether the window holds all the rest: then the way must lead to the end of both. */
  const last = i + width === a.length && j + height === b.length;
  const trace: Int32Array[] = [];
  let furthest = new Int32Array([0]); // by diagonal x - y, from -edits to edits in steps of two
  let best = { edits: 0, diagonal: 0, sum: -1 };
  let arrived = false;
  for (let edits = 0; !arrived && edits <= editsMax; edits += 1) {
    const next = new Int32Array(edits + 1);
    best = { edits, diagonal: 0, sum: -1 };
    for (let at = 0; at <= edits; at += 1) {
      const diagonal = 2 * at - edits;
      let x = 0;
      if (edits > 0) {
        const down = at < edits ? furthest[at]! : -1; // from the diagonal above: b has one more
        const across = at > 0 ? furthest[at - 1]! + 1 : -1;
        x = Math.max(down, across);
      }
      let y = x - diagonal;
      if (x > width || y > height || y < 0) {
        next[at] = -1_000_000;
        continue;
      }
      while (x < width && y < height && left[x] === right[y]) {
        x += 1;
        y += 1;
      }
      next[at] = x;
      if (last ? x === width && y === height : x === width || y === height) arrived = true;
      if (x + y > best.sum) best = { edits, diagonal, sum: x + y };
    }
    trace.push(next);
    furthest = next;
  }
  return walkBack(trace, best, i, j, same);
}

/** Follows the edits back from the best end, and adds the matches in order. */
function walkBack(
  trace: readonly Int32Array[],
  end: { readonly edits: number; readonly diagonal: number },
  i: number,
  j: number,
  same: Runs,
): { a: number; b: number } {
  const snakes: Run[] = [];
  let { diagonal } = end;
  let x = trace[end.edits]![(diagonal + end.edits) / 2]!;
  const last = { a: i + x, b: j + x - diagonal };
  for (let { edits } = end; edits > 0; edits -= 1) {
    const at = (diagonal + edits) / 2;
    const before = trace[edits - 1]!;
    const down = at < edits ? before[at]! : -1;
    const across = at > 0 ? before[at - 1]! + 1 : -1;
    const from = Math.max(down, across);
    snakes.push({ a: i + from, b: j + from - diagonal, length: x - from });
    diagonal += down >= across ? 1 : -1;
    x = down >= across ? down : across - 1;
  }
  snakes.push({ a: i, b: j, length: x });
  for (const { a, b, length } of snakes.toReversed()) same.add(a, b, length);
  return last;
}

/** What lies between two runs: from `a` and from `b` on, and how long on either side. */
export interface Gap {
  readonly a: number;
  readonly b: number;
  readonly lengthA: number;
  readonly lengthB: number;
}

/** The gaps between runs, and at the ends, of rows of these lengths. */
export function gapsOf(runs: readonly Run[], lengthA: number, lengthB: number): Gap[] {
  const gaps: Gap[] = [];
  let a = 0;
  let b = 0;
  for (const run of [...runs, { a: lengthA, b: lengthB, length: 0 }]) {
    if (run.a > a || run.b > b) gaps.push({ a, b, lengthA: run.a - a, lengthB: run.b - b });
    a = run.a + run.length;
    b = run.b + run.length;
  }
  return gaps;
}

/** How far ahead the next operation of the same kind is looked for in a gap. */
const lookAhead = 64;

/** In a gap, operations of one kind belong together too, in order: they were done otherwise. */
export function pairGap(a: Tokens, b: Tokens, gap: Gap): Run[] {
  const pairs = new Runs();
  const end = gap.b + gap.lengthB;
  let next = gap.b;
  for (let i = gap.a; i < gap.a + gap.lengthA; i += 1) {
    const kind = kindInToken(a.get(i));
    const bound = Math.min(end, next + lookAhead);
    let match = next;
    while (match < bound && kindInToken(b.get(match)) !== kind) match += 1;
    if (match === bound) continue;
    pairs.add(i, match, 1);
    next = match + 1;
  }
  return pairs.list;
}
