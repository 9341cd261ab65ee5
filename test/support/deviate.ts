import type { Scenario } from '../../index.ts';
import { Run } from '../../scheduler/run.ts';
import { formatSchedule, ScheduleWriter } from '../../scheduler/schedule.ts';
import type { Strategy } from '../../scheduler/strategy.ts';

/** A schedule that differs from another one in a decision, and the two picks there. */
export interface Deviation {
  readonly schedule: string;
  readonly picked: number;
  readonly instead: number;
}

/**
 * The schedule that makes the same decisions up to number `at`, picks somebody else there, and then always the first.
 * @throws {RangeError} when there are fewer decisions
 */
export function deviate(scenario: Scenario, decisions: readonly number[], at: number): Deviation {
  if (at >= decisions.length) throw new RangeError(`there are ${decisions.length} decisions, and no number ${at}`);
  const writer = new ScheduleWriter();
  let made = 0;
  let instead = -1;
  const strategy: Strategy = {
    timed: false,
    pick(candidates, count) {
      const able = candidates.slice(0, count).map(({ id }) => id);
      const index = made;
      made += 1;
      if (index < at) return able.indexOf(decisions[index]!);
      if (index > at) return 0;
      const other = able.findIndex((id) => id !== decisions[at]);
      instead = able[other]!;
      return other;
    },
  };
  const observer = { event: () => {}, decision: (actor: number) => writer.push(actor) };
  const run = new Run(scenario.build({}), strategy, () => 0, observer, 100_000);
  while (run.advance(1_000));
  return { schedule: formatSchedule(writer.take()), picked: decisions[at]!, instead };
}
