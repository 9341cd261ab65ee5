/** An actor's operations cut into jobs, so that work which another actor took, or took at another time, is found again. */
import { kindNumbers, type KindName } from '../../core/events.ts';
import { kindInToken } from './identities.ts';
import { mix } from './hash.ts';
import type { Walk } from './walk.ts';

/** With these an actor takes its next piece of work. */
const takers: readonly KindName[] = ['queue.dispatch', 'port.receive', 'device.take', 'fifo.pop'];

/** With these it is done with one. */
const enders: readonly KindName[] = ['tlp.complete', 'tlp.landed'];

const takesWork: ReadonlySet<number> = new Set(takers.map((name) => kindNumbers.get(name)!));

const endsWork: ReadonlySet<number> = new Set(enders.map((name) => kindNumbers.get(name)!));

/** What an actor did from taking a piece of work until it took the next. */
export interface Job {
  readonly actor: number;
  /** The place of its first operation among the actor's. */
  readonly from: number;
  readonly length: number;
  /** Of all its operations, as they were done. */
  readonly whole: number;
  /** The same without the objects, the places and the bytes. */
  readonly shape: number;
}

/** The jobs of an actor, in order; none for -1. */
export function jobsOf(walk: Walk, actor: number): Job[] {
  const jobs: Job[] = [];
  if (actor === -1) return jobs;
  const { token, detail } = walk.log;
  const operations = walk.log.of(actor);
  let from = 0;
  let whole = 1;
  let shape = 1;
  const end = (to: number): void => {
    if (from < to) jobs.push({ actor, from, length: to - from, whole, shape });
    from = to;
    whole = 1;
    shape = 1;
  };
  for (let at = 0; at < operations.length; at += 1) {
    const seq = operations.get(at);
    const what = token.get(seq);
    if (takesWork.has(kindInToken(what))) end(at);
    shape = mix(shape, what);
    whole = mix(mix(whole, what), detail.get(seq));
    if (endsWork.has(kindInToken(what))) end(at + 1);
  }
  end(operations.length);
  return jobs;
}
