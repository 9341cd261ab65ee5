import { CannotJudge } from '../../core/errors.ts';
import { modelVersion } from '../../core/events.ts';
import type { Options, Scenario } from '../../core/scenario.ts';
import type { RuleName } from '../../scheduler/finding.ts';
import { decisionsOf, parseSchedule } from '../../scheduler/schedule.ts';
import { decisionsWish } from '../../scheduler/wishes.ts';
import { defaultMaxSteps, start, strategyNamed, type RunSpec } from '../execution.ts';
import { rulesOf } from '../record.ts';
import { watchedRules } from '../rules.ts';
import type { Session } from '../session.ts';
import { Trials, type Trial, type TrialOptions } from './trials.ts';

/** A run to be looked into: what it is run with, and what it is watched for. */
export interface RunToTest {
  /** Any text or number; the default is "1". */
  readonly seed?: string | number;
  /** The default is `random`. */
  readonly strategy?: string;
  /** Options that differ from the scenario's defaults. */
  readonly set?: Options;
  readonly maxSteps?: number;
  /** The decisions; without them, those that seed and strategy make. */
  readonly schedule?: string;
  /** The default is all rules but races. */
  readonly rules?: readonly RuleName[];
  /** Whether to look for races too. */
  readonly races?: boolean;
  /** The rule whose finding is looked into, be it a warning; the default is that of the first error. */
  readonly finding?: RuleName;
}

/** What the run is watched for: for the finding in any case. */
export function rulesToWatch({ finding, ...run }: RunToTest): RuleName[] {
  const watched = watchedRules.some(({ name }) => name === finding);
  return [...new Set([...rulesOf(run), ...(watched ? [finding!] : [])])];
}

/**
 * A recorded session, watched for what it was found to fail by.
 * @throws {CannotJudge} when it was recorded by another version of the model
 */
export function runOf(session: Session): RunToTest {
  const { row, options, name } = session;
  if (row.model_version !== modelVersion) {
    const made = `${name} was recorded by model version ${row.model_version}, this is version ${modelVersion}`;
    throw new CannotJudge(`${made}; use dextrace ${row.dextrace}`);
  }
  const found = new Set(session.findings().map(({ rule }) => rule));
  return {
    seed: row.seed,
    strategy: row.strategy,
    set: options,
    maxSteps: row.max_steps,
    schedule: session.schedule(),
    rules: watchedRules.map((rule) => rule.name).filter((rule) => found.has(rule)),
  };
}

function specOf({ seed = '1', strategy = 'random', set = {}, maxSteps = defaultMaxSteps }: RunToTest): RunSpec {
  return { seed: String(seed), strategy: strategyNamed(strategy), set, maxSteps };
}

/** Tests of the scenario under the seed, strategy and options of the run. */
export function trialsOf(scenario: Scenario, run: RunToTest, onTest?: (tests: number) => void): Trials {
  return new Trials(scenario, specOf(run), rulesToWatch(run), run.finding, onTest);
}

/** Executes the run, whole, under the seed, strategy and options of the trials. @throws {InputError} when its decisions do not fit the scenario */
export function tryRun(trials: Trials, scenario: Scenario, run: RunToTest, options: TrialOptions = {}): Trial {
  const decisions =
    run.schedule === undefined ? drawn(scenario, specOf(run)) : decisionsOf(parseSchedule(run.schedule));
  return trials.run(decisionsWish(decisions), { ...options, whole: true });
}

/** The decisions that seed and strategy make. */
function drawn(scenario: Scenario, spec: RunSpec): Iterator<number> {
  const decisions: number[] = [];
  const run = start(scenario, spec, { event: () => {}, decision: (actor) => void decisions.push(actor) });
  while (run.advance(65_536));
  return decisions.values();
}
