/**
 * Makes a failing schedule small, in this order: fewest context switches within the same trace, only the causal past of
 * what was found, then delta debugging over what is left of it against the default schedule. Options shrink too. Every
 * candidate is executed, and the result is what an execution did.
 */
import type { Options, Scenario } from '../../core/scenario.ts';
import type { RuleName } from '../../scheduler/finding.ts';
import { record, type Recording, type ScenarioSource } from '../record.ts';
import { rulesToWatch, trialsOf, tryRun, type RunToTest } from './run-to-test.ts';
import { Shrinking } from './shrinking.ts';
import { tell, type Turn } from './story.ts';
import type { Trial } from './trials.ts';

export interface ShrinkOptions {
  /** At most that many executions; the default is {@link defaultTests}. */
  readonly tests?: number;
  /** The file to record the small run into. */
  readonly db?: string;
  /** Where the scenario comes from, to be stored with it. */
  readonly source?: ScenarioSource;
  /** Whether options may change too: back to their defaults, or to smaller numbers. The default is true. */
  readonly options?: boolean;
  /** Called before each execution with its number. */
  readonly onTest?: (tests: number) => void;
}

export const defaultTests = 2_000;

/** How large a schedule is. */
export interface Size {
  /** How often the actor changes from one step to the next. */
  readonly contextSwitches: number;
  /** How often that is not what the default schedule does. */
  readonly forced: number;
  readonly steps: number;
}

/** A failing schedule made small. */
export interface Shrunk {
  readonly before: Size;
  readonly after: Size;
  /** Executions used. */
  readonly tests: number;
  /** Whether each forced switch that is left was shown to be needed: without it the run does not fail in this way. */
  readonly minimal: boolean;
  /** The rule by which it still fails. */
  readonly finding: RuleName;
  /** The small run, recorded; without {@link ShrinkOptions.db} it is not stored. */
  readonly recording: Recording;
  /** The options that it fails with. */
  readonly set: Options;
  /** Follows the small schedule exactly, with the seed and strategy that the run had. */
  readonly schedule: string;
  /** The forced switches, told. */
  readonly turns: readonly Turn[];
}

/**
 * Makes the schedule of a failing run small.
 * @throws {InputError} when the run does not fail, or does not fit the scenario
 * @example
 * const { schedule, turns } = shrink(lateWrite, { seed: 1 });
 */
export function shrink(scenario: Scenario, run: RunToTest, options: ShrinkOptions = {}): Shrunk {
  const trials = trialsOf(scenario, run, options.onTest);
  const first = tryRun(trials, scenario, run);
  const shrinking = new Shrinking(trials, trials.pursue(first), options.tests ?? defaultTests);
  shrinking.schedule();
  if (options.options !== false) shrinking.options(scenario);
  const { smallest, minimal } = shrinking;
  const { trial, turns } = tell(trials, smallest);
  const { set, schedule } = trial;
  const { db, source } = options;
  const recording = record(scenario, {
    ...run,
    rules: rulesToWatch(run),
    set,
    schedule,
    ...(db === undefined ? {} : { db }),
    ...(source === undefined ? {} : { source }),
  });
  return {
    before: sizeOf(first),
    after: sizeOf(trial),
    tests: trials.used,
    minimal,
    finding: trials.wanted!.rule,
    recording,
    set,
    schedule,
    turns,
  };
}

function sizeOf({ contextSwitches, switches, order }: Trial): Size {
  return { contextSwitches, forced: switches.length, steps: order.length };
}
