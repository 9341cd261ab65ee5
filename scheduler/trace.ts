/**
 * The identity of a trace: the same for all schedules that differ only in the order of what commutes (Mazurkiewicz, 1977).
 *
 * An event is known by its kind, its actor's descent and its index in it, never by the numbers of kernel objects, which depend on
 * the schedule. Its hash takes in those of the events that it directly depends on: the one before in its actor, for bytes and
 * objects that it touches the last write, and for a write the reads since. The sum of all events' hashes is the trace's.
 */
import type { Access, Resource, Touch } from '../core/catalogue.ts';
import { kindsByNumber, type AnyEvent } from '../core/events.ts';
import type { World } from '../core/world.ts';
import { keyOf } from './footprint.ts';

/** Who touched a range last: indices of events. */
interface Span {
  from: number;
  to: number;
  /** -1 for none. */
  write: number;
  /** The last read of each actor since that write. */
  reads: { readonly actor: number; event: number }[];
}

/** Thirty-two bits of one, thirty-two of another: well mixed (Murmur3's finaliser). */
function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ (b + 0x9e3779b9 + (a << 6) + (a >>> 2)), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Stands for the kind where there is no event. */
const looking = -1;

/** Watches one run. */
export class TraceHash {
  private readonly timed: boolean;
  private readonly spans = new Map<number, Span[]>();
  /** By index of the event, two halves. */
  private readonly low: number[] = [];
  private readonly high: number[] = [];
  /** By actor: its descent, how many events and children it has, its last event. */
  private readonly descents: number[] = [0x2545f491];
  private readonly counts: number[] = [];
  private readonly children: number[] = [];
  private readonly lasts: number[] = [];
  private readonly direct = new Set<number>();
  private sumLow = 0;
  private sumHigh = 0;
  private tick = 0;
  /** What everything before the last passing of time comes to: all that follows depends on it. */
  private barrier = 0;
  private actor = 0;

  /** @param timed whether time passes with every step, and so orders nothing */
  constructor(timed: boolean) {
    this.timed = timed;
  }

  /** To be called with every event, and the world as it was just before it. */
  event(event: AnyEvent, kind: number, actor: number, tick: number, world: World): void {
    if (!this.timed && tick !== this.tick) {
      // Time passes only when nobody can move.
      this.tick = tick;
      this.barrier = mix(this.sumLow, this.sumHigh);
    }
    const { direct } = this;
    direct.clear();
    this.actor = actor;
    const last = this.lasts[actor];
    if (last !== undefined) direct.add(last);
    // Whoever ends an actor comes after what it has done.
    this.touch('actor', actor, 'read');
    kindsByNumber[kind]!.footprint(event, this.touch, world, actor);
    this.close(actor, kind);
    if (event.kind === 'actor.create') {
      const child = this.children[actor] ?? 0;
      this.children[actor] = child + 1;
      this.descents[event.actor] = mix(this.descents[actor]!, child + 1);
    }
  }

  /** To be called when what an actor does next depends on an object that no event of its step touches. */
  look(resource: Resource, id: number, actor: number): void {
    const { direct } = this;
    direct.clear();
    this.actor = actor;
    const last = this.lasts[actor];
    if (last !== undefined) direct.add(last);
    this.touch(resource, id, 'read');
    this.close(actor, looking);
  }

  /** The trace so far, as a whole number of 53 bits. */
  value(): number {
    return (this.sumHigh & 0x1fffff) * 2 ** 32 + (this.sumLow >>> 0);
  }

  private close(actor: number, kind: number): void {
    const index = this.low.length;
    const count = this.counts[actor] ?? 0;
    this.counts[actor] = count + 1;
    let low = mix(mix(this.descents[actor]!, count), kind);
    let high = mix(low, this.barrier);
    let beforeLow = 0;
    let beforeHigh = 0;
    for (const event of this.direct) {
      beforeLow = (beforeLow + this.low[event]!) | 0;
      beforeHigh = (beforeHigh + this.high[event]!) | 0;
    }
    low = mix(low, beforeLow);
    high = mix(high, beforeHigh);
    this.low.push(low);
    this.high.push(high);
    this.sumLow = (this.sumLow + low) | 0;
    this.sumHigh = (this.sumHigh + high) | 0;
    this.lasts[actor] = index;
  }

  private readonly touch: Touch = (resource, id, access, from = 0, to = Infinity) => {
    const key = keyOf(resource, id);
    const spans = this.spans.get(key);
    if (spans === undefined) {
      this.spans.set(key, [this.touched({ from, to, write: -1, reads: [] }, access)]);
      return;
    }
    this.overlay(spans, access, from, to);
  };

  /** Brings the spans of a resource up to date: sorted, without overlaps, split where the access begins and ends. */
  private overlay(spans: Span[], access: Access, from: number, to: number): void {
    let at = 0;
    let done = from;
    while (at < spans.length && spans[at]!.to <= from) at += 1;
    while (done < to) {
      const span = spans[at];
      if (span === undefined || span.from >= to) {
        spans.splice(at, 0, this.touched({ from: done, to, write: -1, reads: [] }, access));
        return;
      }
      if (span.from > done) {
        spans.splice(at, 0, this.touched({ from: done, to: span.from, write: -1, reads: [] }, access));
        at += 1;
      } else if (span.from < done) {
        spans.splice(at, 0, { ...span, to: done, reads: span.reads.map((read) => ({ ...read })) });
        span.from = done;
        at += 1;
      }
      if (span.to > to) {
        spans.splice(at + 1, 0, { ...span, from: to, reads: span.reads.map((read) => ({ ...read })) });
        span.to = to;
      }
      this.touched(span, access);
      done = span.to;
      at += 1;
    }
  }

  /** Notes what the event depends on in the span, and that it has been there. */
  private touched(span: Span, access: Access): Span {
    const { direct, actor } = this;
    const index = this.low.length;
    // An event may touch the same bytes more than once.
    if (span.write !== -1 && span.write !== index) direct.add(span.write);
    if (access === 'read') {
      const mine = span.reads.find((read) => read.actor === actor);
      if (mine === undefined) span.reads.push({ actor, event: index });
      else mine.event = index;
      return span;
    }
    for (const { event } of span.reads) if (event !== index) direct.add(event);
    span.write = index;
    span.reads.length = 0;
    return span;
  }
}
