import type { AnyEvent, EventByKind } from '../../core/events.ts';
import { actorName } from '../../core/actors/threads.ts';
import { formatEvent } from '../format.ts';
import { pointAt, seriesOf } from './naming.ts';
import type { Deed } from './story.ts';
import type { StepObserver } from './trials.ts';

interface Told {
  readonly seq: number;
  readonly actor: number;
  /** The actor's name. */
  readonly by: string;
  readonly event: AnyEvent;
  /** Which of its series it is, for an access to memory. */
  readonly number: number;
  /** Bytes in a beat. */
  readonly beat: number;
}

/** Rooms of the events that steps are about, rather than what they bring along, such as a page fault. */
const telling: ReadonlySet<string> = new Set(['memory', 'dma', 'call']);
const tells = ({ kind }: AnyEvent): boolean => telling.has(kind.split('.')[0]!);

type Beat = EventByKind['dma.read' | 'dma.write'];
const isBeat = (event: AnyEvent): event is Beat => event.kind === 'dma.read' || event.kind === 'dma.write';
const keyOf = ({ kind, request, segment }: Beat): string => `${kind} ${request}.${segment}`;

/** Collects the event that each step of a run is told by. */
export class Deeds {
  private readonly steps: Told[] = [];
  /** Events so far, by actor and series. */
  private readonly counts = new Map<string, number>();
  /** The lowest address of each segment of a request. */
  private readonly begins = new Map<string, number>();
  private seq = 0;

  /** Sees the run. */
  readonly watch: StepObserver = (event, actor, world, step) => {
    const seq = this.seq++;
    if (step < 0) return;
    const number = this.count(event, actor);
    if (isBeat(event))
      this.begins.set(keyOf(event), Math.min(event.address, this.begins.get(keyOf(event)) ?? Infinity));
    const known = this.steps[step];
    if (known === undefined || (tells(event) && !tells(known.event)))
      this.steps[step] = { seq, actor, by: actorName(world, actor), event, number, beat: world.machine.beat };
  };

  /** What was done in the step at that place of the run. */
  of(place: number): Deed {
    const { seq, by, event, number, beat } = this.steps[place]!;
    const nth = isBeat(event) ? Math.floor((event.address - this.begins.get(keyOf(event))!) / beat) : number;
    return { seq, actor: by, text: formatEvent(event), name: pointAt(by, event, nth) };
  }

  /** Where the run of steps that begins at a place is over, and another actor moves. */
  endOf(begin: number): number {
    let end = begin;
    while (this.steps[end]?.actor === this.steps[begin]!.actor) end += 1;
    return end;
  }

  /** Where an actor that moved just before a place moves again; undefined when it does not. */
  next(place: number): number | undefined {
    const last = this.steps[place - 1];
    const found = this.steps.findIndex(({ actor }, later) => later >= place && actor === last?.actor);
    return found === -1 ? undefined : found;
  }

  private count(event: AnyEvent, actor: number): number {
    const series = seriesOf(event);
    if (series === undefined) return 0;
    const key = `${actor} ${series}`;
    const number = this.counts.get(key) ?? 0;
    this.counts.set(key, number + 1);
    return number;
  }
}
