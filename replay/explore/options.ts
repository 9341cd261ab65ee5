import type { Options } from '../../core/scenario.ts';
import type { RuleName } from '../../scheduler/finding.ts';
import type { ScenarioSource } from '../record.ts';
import type { Draws } from './draw.ts';
import type { StoredFailure } from './stored.ts';

export interface ExploreOptions {
  /** How to search; the default is `random`. */
  readonly strategy?: string;
  /** The most executions to make; the default is 1,000, and 100,000 for a search that goes through all schedules. */
  readonly runs?: number;
  /** Any text or number; the default is "1". Execution n has the seed n higher. */
  readonly seed?: string | number;
  /** Options that differ from the scenario's defaults; those of the machine begin with `machine.`. */
  readonly set?: Options;
  /** Options that are drawn afresh for each execution, from its seed. */
  readonly draw?: Draws;
  /** What to watch executions for; the default is all rules but races. */
  readonly rules?: readonly RuleName[];
  /** Whether to look for races too. */
  readonly races?: boolean;
  /** Whether to end with the first execution that fails; without it the search goes on and groups failures by cause. */
  readonly stopAtFirst?: boolean;
  /** The most steps of an execution; the default is {@link defaultMostSteps}. */
  readonly maxSteps?: number;
  /** For `pct`: how many orderings a bug may need to show; the default is 3. */
  readonly depth?: number;
  /** For `preemptions` and `delays`: how many a schedule may have; the default is 2. */
  readonly bound?: number;
  /** Whether to count distinct traces, which takes about twice as long as the executions; it does unless told not to. */
  readonly traces?: boolean;
  /** Whether to run every schedule twice and see that both runs are the same. */
  readonly verify?: boolean;
  /** Only every nth execution: which of how many, from 1. For searches that draw. */
  readonly shard?: { readonly index: number; readonly of: number };
  /** The file to record failing executions into, as soon as they are found. Failures that it holds run first. */
  readonly db?: string;
  /** Schedules to run before all others. */
  readonly first?: readonly StoredFailure[];
  /** Schedules that run next; the default is the failures of this scenario that the file holds. */
  readonly stored?: readonly StoredFailure[];
  /** Where the scenario comes from: stored with the sessions. */
  readonly source?: ScenarioSource;
}

/** A run that is not over after so many steps is taken to go on for ever: most are over after some thousands. */
export const defaultMostSteps = 100_000;
export const defaultRuns = 1_000;
export const defaultSystematicRuns = 100_000;
