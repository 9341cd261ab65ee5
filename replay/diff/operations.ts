import type { Alignment } from './alignment.ts';
import type { Link } from './links.ts';
import type { Diff, OperationGroup, Sides } from './result.ts';
import type { Teller } from './teller.ts';
import type { Walk } from './walk.ts';

/** Groups kept of one kind and one actor: what comes after is only counted. */
const groupsMax = 100;

type Kind = OperationGroup['kind'];

/** A group by its places, before it is put into words. */
interface Found {
  readonly kind: Kind;
  count: number;
  readonly first: Sides<number | undefined>;
}

/** Operations that only one session has, that were done by another actor or with other objects or bytes, or that saw other bytes. */
export function operationGroups(a: Walk, b: Walk, alignment: Alignment, teller: Sides<Teller>): Diff['operations'] {
  const collector = new Collector();
  a.log.byActor.forEach((operations, actor) => {
    const links = alignment.links.a[actor] ?? [];
    collector.begin();
    let done = 0;
    const only = (to: number): void => {
      if (done < to) collector.add('only-a', to - done, { a: operations.get(done), b: undefined });
    };
    for (const link of links) {
      only(link.from.a);
      linked(a, b, link, collector);
      done = link.from.a + link.length;
    }
    only(operations.length);
  });
  b.log.byActor.forEach((operations, actor) => {
    collector.begin();
    let done = 0;
    const only = (to: number): void => {
      if (done < to) collector.add('only-b', to - done, { a: undefined, b: operations.get(done) });
    };
    for (const link of alignment.links.b[actor] ?? []) {
      only(link.from.b);
      collector.end();
      done = link.from.b + link.length;
    }
    only(operations.length);
  });
  return collector.told(teller);
}

function linked(a: Walk, b: Walk, { actor, from, length }: Link, collector: Collector): void {
  const [inA, inB] = [a.log.of(actor.a), b.log.of(actor.b)];
  const moved = a.names.pathOf(actor.a) !== b.names.pathOf(actor.b);
  for (let at = 0; at < length; at += 1) {
    const first = { a: inA.get(from.a + at), b: inB.get(from.b + at) };
    const kind = differenceAt(a, b, first.a, first.b) ?? (moved ? 'moved' : undefined);
    if (kind === undefined) collector.end();
    else collector.add(kind, 1, first);
  }
}

/** How an operation that both have differs. */
function differenceAt(a: Walk, b: Walk, seqA: number, seqB: number): 'changed' | 'saw' | undefined {
  if (a.log.token.get(seqA) !== b.log.token.get(seqB)) return 'changed';
  if (a.log.detail.get(seqA) !== b.log.detail.get(seqB)) return 'changed';
  return a.log.seen.get(seqA) === b.log.seen.get(seqB) ? undefined : 'saw';
}

/** Counts, and puts what follows each other into groups. */
class Collector {
  private readonly counts: Record<Kind, number> = { 'only-a': 0, 'only-b': 0, changed: 0, saw: 0, moved: 0 };
  private readonly groups: Found[] = [];
  private kept = new Map<Kind, number>();
  private open: Found | undefined;

  /** The operations of another actor follow. */
  begin(): void {
    this.kept = new Map();
    this.open = undefined;
  }

  /** An operation without a difference. */
  end(): void {
    this.open = undefined;
  }

  add(kind: Kind, count: number, first: Found['first']): void {
    this.counts[kind] += count;
    if (this.open?.kind === kind) {
      this.open.count += count;
      return;
    }
    this.open = { kind, count, first };
    const before = this.kept.get(kind) ?? 0;
    this.kept.set(kind, before + 1);
    if (before < groupsMax) this.groups.push(this.open);
  }

  told(teller: Sides<Teller>): Diff['operations'] {
    const groups = this.groups
      .toSorted((x, y) => (x.first.a ?? x.first.b!) - (y.first.a ?? y.first.b!))
      .map(({ kind, count, first }) => {
        const a = first.a === undefined ? undefined : teller.a(first.a);
        const b = first.b === undefined ? undefined : teller.b(first.b);
        return { kind, count, first: { a, b } };
      });
    const { 'only-a': onlyA, 'only-b': onlyB, changed, saw, moved } = this.counts;
    return { onlyA, onlyB, changed, saw, moved, groups };
  }
}
