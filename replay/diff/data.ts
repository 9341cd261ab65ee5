/** Bytes that differ in the end, and what brought them there. */
import { hex } from '../../core/units.ts';
import type { Alignment } from './alignment.ts';
import { beginsOf, type Contents } from './compare-contents.ts';
import { stepAt, type Content, type Stretch } from './contents.ts';
import type { DataGroup, Diff, Sides } from './result.ts';
import type { Teller } from './teller.ts';
import type { Walk } from './walk.ts';

/** Groups kept: what comes after is only counted. */
const groupsMax = 200;
/** Bytes of a group that are kept to be shown. */
const shownMax = 16;

/** Differing bytes that one step brought on either side. */
interface Piece {
  readonly offset: number;
  readonly length: number;
  readonly chains: Sides<readonly number[]>;
  readonly bytes: Sides<Uint8Array>;
}

interface Group {
  readonly pair: Sides<Content>;
  readonly first: Piece;
  /** How the bytes came there, by actors and kinds: what came in the same way goes into one group. */
  readonly way: string;
  length: number;
  pieces: number;
  end: number;
}

export function dataDifferences(
  a: Walk,
  b: Walk,
  alignment: Alignment,
  contents: Contents,
  teller: Sides<Teller>,
): Diff['data'] {
  const groups: Group[] = [];
  let bytes = 0;
  for (const pair of contents.differing) {
    let open: Group | undefined;
    for (const piece of piecesOf(pair, { a, b })) {
      if (sameOrigin(a, b, alignment, piece.chains)) continue;
      bytes += piece.length;
      const way = `${wayOf(a, piece.chains.a)} / ${wayOf(b, piece.chains.b)}`;
      if (open?.way === way && open.end === piece.offset) {
        open.length += piece.length;
        open.pieces += 1;
      } else {
        open = { pair, first: piece, way, length: piece.length, pieces: 1, end: 0 };
        if (groups.length < groupsMax) groups.push(open);
      }
      open.end = piece.offset + piece.length;
    }
  }
  return { bytes, groups: groups.map((group) => tell(group, teller)), uncompared: contents.uncompared };
}

/**
 * Bytes that the same operation made of the same data are the same: where they are not, they hold bus addresses,
 * which go by the schedule.
 */
function sameOrigin(a: Walk, b: Walk, alignment: Alignment, chains: Piece['chains']): boolean {
  const [origin, other] = [chains.a.at(-1), chains.b.at(-1)];
  if (origin === undefined || other === undefined || alignment.inB(origin) !== other) return false;
  return (
    a.log.token.get(origin) === b.log.token.get(other) &&
    a.log.detail.get(origin) === b.log.detail.get(other) &&
    a.log.seen.get(origin) === b.log.seen.get(other)
  );
}

function wayOf(walk: Walk, chain: readonly number[]): string {
  return chain.map((seq) => `${walk.log.actor.get(seq)}:${walk.log.token.get(seq) & 0x1ff}`).join(' ');
}

/** Differing bytes in pieces that came by one step on either side, in order; offsets are those of the content. */
function* piecesOf(pair: Sides<Content>, walks: Sides<Walk>): Generator<Piece> {
  for (const begin of beginsOf(pair)) {
    const size = (pair.a.stretches.get(begin) ?? pair.b.stretches.get(begin))!.bytes.length;
    const untouched: Stretch = { bytes: new Uint8Array(size), steps: new Uint32Array(0) };
    const [a, b] = [pair.a.stretches.get(begin) ?? untouched, pair.b.stretches.get(begin) ?? untouched];
    for (let at = 0; at < size;) {
      if (a.bytes[at] === b.bytes[at]) {
        at += 1;
        continue;
      }
      const [stepA, stepB] = [stepAt(a, at), stepAt(b, at)];
      const bound = Math.min(stepA.end, stepB.end);
      let end = at + 1;
      while (end < bound && a.bytes[end] !== b.bytes[end]) end += 1;
      yield {
        offset: begin + at,
        length: end - at,
        chains: { a: walks.a.provenance.chain(stepA.step), b: walks.b.provenance.chain(stepB.step) },
        bytes: {
          a: a.bytes.slice(at, Math.min(end, at + shownMax)),
          b: b.bytes.slice(at, Math.min(end, at + shownMax)),
        },
      };
      at = end;
    }
  }
}

function tell({ pair, first, length, pieces }: Group, teller: Sides<Teller>): DataGroup {
  const { a, b } = pair;
  return {
    where: { a: `${a.place} ${hex(a.address + first.offset)}`, b: `${b.place} ${hex(b.address + first.offset)}` },
    what: { a: a.what, b: b.what },
    length,
    bytes: first.bytes,
    pieces,
    brought: { a: first.chains.a.map(teller.a), b: first.chains.b.map(teller.b) },
  };
}
