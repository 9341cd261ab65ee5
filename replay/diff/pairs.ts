import type { Alignment } from './alignment.ts';
import { matters } from './conflicts.ts';
import type { PairGroup, Sides } from './result.ts';
import type { Teller } from './teller.ts';
import type { Walk } from './walk.ts';

interface Found {
  readonly matter: number;
  readonly actors: readonly [string, string];
  readonly count: { a: number; b: number };
  /** The pair's events in the order of `a`, and the same in the order of `b`. */
  readonly first: Sides<readonly [number, number]>;
}

/** Pairs that touch the same and ran in the other order, by actors and by what they touch; bytes first. */
export function pairGroups(a: Walk, b: Walk, alignment: Alignment, teller: Sides<Teller>): PairGroup[] {
  const groups = new Map<string, Found>();
  const find = (side: 'a' | 'b', matter: number, inA: [number, number], inB: [number, number]): void => {
    const path = (seq: number): string => a.names.pathOf(a.log.actor.get(seq));
    const actors: [string, string] = [path(inA[0]), path(inA[1])];
    const key = `${matter} ${actors.join(' ')}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { matter, actors, count: { a: 0, b: 0 }, first: { a: inA, b: inB } };
      groups.set(key, group);
    }
    group.count[side] += 1;
  };
  const { conflicts } = a;
  for (let at = 0; at < conflicts.first.length; at += 1) {
    const first = conflicts.first.get(at);
    const second = conflicts.second.get(at);
    const firstInB = alignment.inB(first);
    const secondInB = alignment.inB(second);
    if (secondInB !== -1 && firstInB > secondInB)
      find('a', conflicts.matter.get(at), [first, second], [secondInB, firstInB]);
  }
  const others = b.conflicts;
  for (let at = 0; at < others.first.length; at += 1) {
    const first = others.first.get(at);
    const second = others.second.get(at);
    const firstInA = alignment.inA(first);
    const secondInA = alignment.inA(second);
    if (secondInA !== -1 && firstInA > secondInA)
      find('b', others.matter.get(at), [secondInA, firstInA], [first, second]);
  }
  return [...groups.values()]
    .toSorted((x, y) => x.matter - y.matter || x.first.a[0] - y.first.a[0])
    .map(({ matter, actors, count, first }) => ({
      matter: matters[matter]!,
      actors,
      count,
      first: {
        a: [teller.a(first.a[0]), teller.a(first.a[1])],
        b: [teller.b(first.b[0]), teller.b(first.b[1])],
      },
    }));
}
