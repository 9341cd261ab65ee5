import type { AnyEvent } from '../../core/events.ts';
import { memberOf, stepOf } from '../../scheduler/steering.ts';
import { switchesWish } from '../../scheduler/wishes.ts';
import { formatEvent } from '../format.ts';
import type { Trial, Trials } from './trials.ts';

/** What an actor does in one step, and the event that says so best. */
export interface Deed {
  /** Sequence number. */
  readonly seq: number;
  /** The actor's name. */
  readonly actor: string;
  /** The event in words. */
  readonly text: string;
}

/** A switch that the default schedule would not have made. */
export interface Turn {
  /** Who gives way, and what it would have done: nothing when it could not go on, or never did. */
  readonly from: string;
  readonly before: Deed | undefined;
  /** What the other one does first, and in how many steps it goes on. */
  readonly to: Deed;
  readonly steps: number;
}

/** The events that steps are about rather than what they bring along, such as a page fault. */
const telling: ReadonlySet<string> = new Set(['memory', 'dma', 'call']);
const tells = ({ kind }: AnyEvent): boolean => telling.has(kind.split('.')[0]!);

/** Collects the event that each step of a run is told by. */
export class Deeds {
  private readonly events: { seq: number; event: AnyEvent }[] = [];
  private seq = 0;

  /** To be called with every event and the step that it was in. */
  event(event: AnyEvent, step: number): void {
    const seq = this.seq++;
    if (step < 0) return;
    const known = this.events[step];
    if (known === undefined || (tells(event) && !tells(known.event))) this.events[step] = { seq, event };
  }

  /** The deed of a step of that trial. */
  of(step: number, { order }: Trial, { lineage }: Trials): Deed {
    const { seq, event } = this.events[step]!;
    return { seq, actor: lineage.name(memberOf(order[step]!)), text: formatEvent(event) };
  }
}

/** Executes the run once more, to its end, and tells its switches. */
export function tell(
  trials: Trials,
  { switches, set }: Trial,
): { readonly trial: Trial; readonly turns: readonly Turn[] } {
  const deeds = new Deeds();
  const trial = trials.run(switchesWish(switches), {
    set,
    whole: true,
    watch: (event, _actor, _world, step) => deeds.event(event, step),
  });
  const { order } = trial;
  const at = new Map(order.map((step, index) => [step, index]));
  const turns = trial.switches.map(({ from, steps, to }): Turn => {
    const given = at.get(stepOf(from, steps));
    const begin = steps === 0 ? 0 : at.get(stepOf(from, steps - 1))! + 1;
    const end = order.findIndex((step, index) => index > begin && memberOf(step) !== to);
    return {
      from: trials.lineage.name(from),
      before: given === undefined ? undefined : deeds.of(given, trial, trials),
      to: deeds.of(begin, trial, trials),
      steps: (end === -1 ? order.length : end) - begin,
    };
  });
  return { trial, turns };
}
