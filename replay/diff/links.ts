/**
 * Finds what belongs together in two runs, from the sure to the likely: jobs that were done alike by the same actor,
 * in order; alike by another actor or at another time; in the same shape; and operation by operation in what is left.
 */
import { align, gapsOf, pairGap, type Gap, type Tokens } from './align.ts';
import { jobsOf, type Job } from './jobs.ts';
import type { Sides } from './result.ts';
import type { Walk } from './walk.ts';

/** Operations that belong together, one by one, from a place among an actor's in `a` and one in `b` on. */
export interface Link {
  readonly actor: Sides<number>;
  readonly from: Sides<number>;
  readonly length: number;
}

/** Jobs of an actor that lie between others which are linked. */
type Rest = Sides<Job[]>;

export function linksOf(walks: Sides<Walk>): Link[] {
  const links: Link[] = [];
  let rests: Rest[] = actorPairs(walks).map(({ a, b }) => ({ a: jobsOf(walks.a, a), b: jobsOf(walks.b, b) }));
  for (const hash of ['whole', 'shape'] as const) {
    rests = rests.flatMap((rest) => inOrder(rest, hash, links));
    rests = exchange(rests, hash, links);
  }
  for (const rest of rests) oneByOne(rest, walks, links);
  return links;
}

/** The actors of both, by path; -1 where a session has none. */
function actorPairs({ a, b }: Sides<Walk>): Sides<number>[] {
  const actors = (walk: Walk): Map<string, number> =>
    new Map(
      walk.log.byActor.flatMap((column, actor) => (column === undefined ? [] : [[walk.names.pathOf(actor), actor]])),
    );
  const [inA, inB] = [actors(a), actors(b)];
  return [...new Set([...inA.keys(), ...inB.keys()])].map((path) => ({
    a: inA.get(path) ?? -1,
    b: inB.get(path) ?? -1,
  }));
}

function link(a: Job, b: Job, links: Link[]): void {
  links.push({ actor: { a: a.actor, b: b.actor }, from: { a: a.from, b: b.from }, length: a.length });
}

/** Links equal jobs in order; evaluates to what lies between. */
function inOrder({ a, b }: Rest, hash: 'whole' | 'shape', links: Link[]): Rest[] {
  const row = (jobs: readonly Job[]): Tokens => ({ length: jobs.length, get: (index) => jobs[index]![hash] });
  const runs = align(row(a), row(b));
  for (const run of runs) {
    for (let at = 0; at < run.length; at += 1) link(a[run.a + at]!, b[run.b + at]!, links);
  }
  return gapsOf(runs, a.length, b.length).map((gap) => ({
    a: a.slice(gap.a, gap.a + gap.lengthA),
    b: b.slice(gap.b, gap.b + gap.lengthB),
  }));
}

/** Links equal jobs wherever they are, each once; evaluates to what is left in each place. */
function exchange(rests: readonly Rest[], hash: 'whole' | 'shape', links: Link[]): Rest[] {
  const wanted = new Map<number, Job[]>();
  for (const { b } of rests) {
    for (const job of b) {
      const same = wanted.get(job[hash]);
      if (same === undefined) wanted.set(job[hash], [job]);
      else same.push(job);
    }
  }
  for (const jobs of wanted.values()) jobs.reverse(); // the first is taken first
  const taken = new Set<Job>();
  for (const { a } of rests) {
    for (const job of a) {
      const other = wanted.get(job[hash])?.pop();
      if (other === undefined) continue;
      taken.add(job).add(other);
      link(job, other, links);
    }
  }
  const left = (jobs: readonly Job[]): Job[] => jobs.filter((job) => !taken.has(job));
  return rests.map(({ a, b }) => ({ a: left(a), b: left(b) }));
}

/** Links what is left, operation by operation. */
function oneByOne(rest: Rest, walks: Sides<Walk>, links: Link[]): void {
  const [a, b] = [new Row(walks.a, rest.a), new Row(walks.b, rest.b)];
  const runs = align(a, b);
  const pairs = gapsOf(runs, a.length, b.length).flatMap((gap: Gap) => pairGap(a, b, gap));
  for (const run of [...runs, ...pairs]) {
    for (let done = 0; done < run.length;) {
      const [inA, inB] = [a.at(run.a + done), b.at(run.b + done)];
      const length = Math.min(run.length - done, inA.left, inB.left);
      links.push({ actor: { a: inA.actor, b: inB.actor }, from: { a: inA.place, b: inB.place }, length });
      done += length;
    }
  }
}

/** The operations of several jobs, one after the other. */
class Row implements Tokens {
  readonly length: number;
  private readonly walk: Walk;
  private readonly jobs: readonly Job[];
  /** Where each job begins in the row. */
  private readonly begins: number[] = [];
  private last = 0;

  constructor(walk: Walk, jobs: readonly Job[]) {
    this.walk = walk;
    this.jobs = jobs;
    let length = 0;
    for (const job of jobs) {
      this.begins.push(length);
      length += job.length;
    }
    this.length = length;
  }

  get(index: number): number {
    const { actor, place } = this.at(index);
    const { log } = this.walk;
    return log.token.get(log.of(actor).get(place));
  }

  /** Whose operation that is, its place among the actor's, and how many follow in the same job, itself included. */
  at(index: number): { actor: number; place: number; left: number } {
    if (index < this.begins[this.last]!) this.last = 0;
    while (index >= this.begins[this.last]! + this.jobs[this.last]!.length) this.last += 1;
    const { actor, from, length } = this.jobs[this.last]!;
    const into = index - this.begins[this.last]!;
    return { actor, place: from + into, left: length - into };
  }
}
