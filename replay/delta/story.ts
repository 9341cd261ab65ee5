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
  /** Who gives way, and what it does when it moves again, if it does. */
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
  const turns = trial.switchedAt.map((begin): Turn => {
    const given = deeds.next(begin);
    return {
      from: begin === 0 ? 'boot' : deeds.of(begin - 1).actor,
      before: given === undefined ? undefined : deeds.of(given),
      to: deeds.of(begin),
      steps: deeds.endOf(begin) - begin,
    };
  });
  return { trial, turns };
}
