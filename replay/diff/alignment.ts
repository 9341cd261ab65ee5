import type { Creation, Renaming } from './identities.ts';
import { linksOf, type Link } from './links.ts';
import { nobodys } from './log.ts';
import type { Sides } from './result.ts';
import type { Walk } from './walk.ts';

/** Creations that the other session has not are numbered from here: beyond those that it has. */
const extra = 2 ** 30;

/** Which operations of two runs belong together. What is in no link only one session has. */
export class Alignment {
  /** In order of the places in `a`, and in `b`; by actor. */
  readonly links: Sides<readonly (readonly Link[] | undefined)[]>;
  private readonly walks: Sides<Walk>;
  /** The links found last, by actor: the next look-up is often in the same. */
  private readonly last: Sides<(Link | undefined)[]> = { a: [], b: [] };

  constructor(a: Walk, b: Walk) {
    this.walks = { a, b };
    this.links = byActor(linksOf(this.walks));
  }

  /** The event in `b` that is this one of `a`; -1 for none. */
  inB(seq: number): number {
    return this.across('a', 'b', seq);
  }

  /** The event in `a` that is this one of `b`; -1 for none. */
  inA(seq: number): number {
    return this.across('b', 'a', seq);
  }

  /** Names for what `b` makes by what `a` makes; undefined when both make the same, one by one. */
  renaming(): Renaming | undefined {
    const { b } = this.walks;
    const known = new Map<string, Creation>();
    for (const [key, events] of b.creations) {
      const [maker, kind] = key.split(' ').map(Number);
      const actor = b.names.hashOf(maker!);
      events.forEach((seq, ordinal) => {
        const creation = this.creationInA(seq, kind!) ?? { actor, ordinal: extra + ordinal };
        if (creation.ordinal !== ordinal || creation.actor !== actor)
          known.set(`${actor} ${kind} ${ordinal}`, creation);
      });
    }
    if (known.size === 0) return undefined;
    return (actor, kind, ordinal) => known.get(`${actor} ${kind} ${ordinal}`) ?? { actor, ordinal };
  }

  /** What the event in `a` made that belongs to this one of `b`. */
  private creationInA(seqB: number, kind: number): Creation | undefined {
    const { a } = this.walks;
    const seq = this.inA(seqB);
    if (seq === -1) return undefined;
    const maker = a.log.actor.get(seq);
    const ordinal = placeOf(a.creations.get(`${maker} ${kind}`) ?? [], seq);
    return ordinal === -1 ? undefined : { actor: a.names.hashOf(maker), ordinal };
  }

  private across(own: 'a' | 'b', other: 'a' | 'b', seq: number): number {
    const { log } = this.walks[own];
    const place = log.ordinal.get(seq);
    if (place === nobodys) return -1;
    const actor = log.actor.get(seq);
    let link = this.last[own][actor];
    if (link === undefined || !covers(link, own, place)) {
      link = this.find(own, actor, place);
      if (link === undefined) return -1;
      this.last[own][actor] = link;
    }
    return this.walks[other].log.of(link.actor[other]).get(link.from[other] + place - link.from[own]);
  }

  private find(own: 'a' | 'b', actor: number, place: number): Link | undefined {
    const links = this.links[own][actor] ?? [];
    let low = 0;
    let high = links.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (links[middle]!.from[own] <= place) low = middle + 1;
      else high = middle;
    }
    const link = links[low - 1];
    return link !== undefined && covers(link, own, place) ? link : undefined;
  }
}

function covers({ from, length }: Link, own: 'a' | 'b', place: number): boolean {
  return from[own] <= place && place < from[own] + length;
}

/** Where a number is in a sorted row; -1 when it is not. */
function placeOf(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === value ? low : -1;
}

function byActor(links: readonly Link[]): Sides<readonly (readonly Link[] | undefined)[]> {
  const sorted = (own: 'a' | 'b'): Link[][] => {
    const lists: Link[][] = [];
    for (const link of links) (lists[link.actor[own]] ??= []).push(link);
    for (const list of lists) list?.sort((x, y) => x.from[own] - y.from[own]);
    return lists;
  };
  return { a: sorted('a'), b: sorted('b') };
}
