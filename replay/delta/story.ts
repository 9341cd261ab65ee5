import { memberOf, stepOf } from '../../scheduler/steering.ts';
import { switchesWish } from '../../scheduler/wishes.ts';
import { Deeds } from './deeds.ts';
import type { Trial, Trials } from './trials.ts';

/** What an actor does in one step, by the event that says so best. */
export interface Deed {
  /** Sequence number. */
  readonly seq: number;
  /** The actor's name. */
  readonly actor: string;
  /** The event in words. */
  readonly text: string;
  /** Actor and event, as one points at them. */
  readonly name: string;
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

/** Executes the run once more, to its end, and tells its switches. */
export function tell(
  trials: Trials,
  { switches, set }: Trial,
): { readonly trial: Trial; readonly turns: readonly Turn[] } {
  const deeds = new Deeds();
  const trial = trials.run(switchesWish(switches), {
    set,
    whole: true,
    watch: deeds.watch,
  });
  const { order } = trial;
  const at = new Map(order.map((step, place) => [step, place]));
  const turns = trial.switches.map(({ from, steps, to }, index): Turn => {
    const given = at.get(stepOf(from, steps));
    const begin = trial.switchedAt[index]!;
    const end = order.findIndex((step, place) => place > begin && memberOf(step) !== to);
    return {
      from: trials.lineage.name(from),
      before: given === undefined ? undefined : deeds.of(given),
      to: deeds.of(begin),
      steps: (end === -1 ? order.length : end) - begin,
    };
  });
  return { trial, turns };
}
