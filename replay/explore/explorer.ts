import type { Options, Scenario } from '../../core/scenario.ts';
import type { Finding, RuleName } from '../../scheduler/finding.ts';
import { formatSchedule } from '../../scheduler/schedule.ts';
import type { Search } from '../../scheduler/search.ts';
import { checkOptions, rehearse } from '../execution.ts';
import { fromHere } from '../format.ts';
import { record, rulesOf, type ScenarioSource } from '../record.ts';
import { causeOf } from './cause.ts';
import { Judge, type Execution } from './judge.ts';
import { defaultBound, defaultDepth, wayNamed, ways, type Way, type WayName } from './searches.ts';

export interface ExploreOptions {
  /** How to search; the default is `random`. */
  readonly strategy?: string;
  /** The most executions to make; the default is 1,000, and 100,000 for a search that goes through all schedules. */
  readonly runs?: number;
  /** Any text or number; the default is "1". Execution n has the seed n higher. */
  readonly seed?: string | number;
  /** Options that differ from the scenario's defaults; those of the machine begin with `machine.`. */
  readonly set?: Options;
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
  /** The file to record failing executions into, as soon as they are found. */
  readonly db?: string;
  /** Where the scenario comes from: stored with the sessions. */
  readonly source?: ScenarioSource;
}

/** Executions that failed, or were warned of, for the same reason. */
export interface Failure {
  readonly rule: RuleName;
  readonly severity: Finding['severity'];
  /** Of the first of them. */
  readonly message: string;
  /** How many there were. */
  count: number;
  /** Which execution was the first, from 0. */
  readonly run: number;
  readonly seed: string;
  readonly schedule: string;
  /** Where the first of them is recorded: `FILE#ID`; undefined when nothing was stored. */
  readonly session: string | undefined;
}

/** Why an exploration has ended. */
export type Ending =
  /** Every schedule has been covered. */
  | 'everything'
  /** No schedule was left within the bound on preemptions or delays. */
  | 'all-within-bound'
  /** The most executions were made. */
  | 'runs'
  | 'first-failure'
  | 'interrupted';

/** What came of an exploration. */
export interface Exploration {
  readonly title: string;
  readonly strategy: WayName;
  readonly seed: string;
  readonly options: Options;
  readonly ending: Ending;
  readonly executions: number;
  /** How many different ones, by what commutes: see {@link TraceHash}. */
  readonly traces: number;
  /** Executions given up because all they could lead to was covered. */
  readonly blocked: number;
  /** Executions cut at the most steps allowed: what would have followed is not covered. */
  readonly cut: number;
  /** Most decisions in an execution; 0 when there was nothing to choose. */
  readonly decisions: number;
  /** In the order in which they were found. */
  readonly failures: readonly Failure[];
}

/** A run that is not over after so many steps is taken to go on for ever: most are over after some thousands. */
export const defaultMostSteps = 100_000;
const defaultRuns = 1_000;
const defaultSystematicRuns = 100_000;

/** An exploration under way, for those who must do something else in between. */
export class Explorer {
  /** Most executions it makes. */
  readonly runs: number;
  executions = 0;
  readonly failures = new Map<string, Failure>();
  private readonly scenario: Scenario;
  private readonly options: ExploreOptions;
  private readonly strategy: WayName;
  private readonly seed: string;
  private readonly search: Search;
  private readonly judge: Judge;
  private readonly distinct: boolean;
  private readonly traces = new Set<number>();
  private blocked = 0;
  private cut = 0;
  private decisions = 0;
  private ending: Ending | undefined;

  /** @throws {InputError} when an option or the scenario is at fault */
  constructor(scenario: Scenario, options: ExploreOptions = {}) {
    const { seed = '1', strategy = 'random', set = {}, maxSteps = defaultMostSteps } = options;
    checkOptions(scenario, set);
    this.scenario = scenario;
    this.options = options;
    this.seed = String(seed);
    this.strategy = wayNamed(strategy);
    const { systematic, distinct = false, make }: Way = ways[this.strategy];
    this.runs = options.runs ?? (systematic ? defaultSystematicRuns : defaultRuns);
    const limits = { set, maxSteps };
    this.search = make(
      {
        seed: this.seed,
        depth: options.depth ?? defaultDepth,
        bound: options.bound ?? defaultBound,
        rehearse: () => rehearse(scenario, this.seed, limits),
      },
      0,
    );
    this.distinct = distinct;
    this.judge = new Judge(scenario, limits, rulesOf(options), !distinct);
  }

  /** Makes one more execution. Evaluates to whether there may be more. */
  advance(): boolean {
    if (this.ending !== undefined) return false;
    if (this.executions >= this.runs) return this.end('runs');
    const trial = this.search.next();
    if (trial === undefined)
      return this.end(this.search.complete && this.cut === 0 ? 'everything' : 'all-within-bound');
    if (trial.probe === true) {
      this.judge.lookAhead(trial);
      return true;
    }
    const execution = this.judge.run(trial);
    const failed = this.add(execution);
    this.executions += 1;
    if (failed && this.options.stopAtFirst === true) return this.end('first-failure');
    // Every other run of a sampling search would be the same.
    if (execution.decisions === 0 && !trial.strategy.timed) return this.end('everything');
    return true;
  }

  /** What there is so far. */
  finish(): Exploration {
    return {
      title: this.scenario.title,
      strategy: this.strategy,
      seed: this.seed,
      options: this.options.set ?? {},
      ending: this.ending ?? 'interrupted',
      executions: this.executions,
      traces: this.distinct ? this.executions - this.blocked : this.traces.size,
      blocked: this.blocked,
      cut: this.cut,
      decisions: this.decisions,
      failures: [...this.failures.values()],
    };
  }

  private end(how: Ending): false {
    this.ending = how;
    return false;
  }

  /** Counts the execution. Evaluates to whether it failed. */
  private add(execution: Execution): boolean {
    if (execution.blocked) this.blocked += 1;
    else if (!this.distinct) this.traces.add(execution.trace);
    if (execution.cut) this.cut += 1;
    this.decisions = Math.max(this.decisions, execution.decisions);
    const { findings } = execution;
    if (findings.length === 0) return false;
    const fresh = findings.filter((finding) => !this.failures.has(causeOf(finding)));
    const session = fresh.some(({ severity }) => severity === 'error') ? this.store(execution) : undefined;
    const first = new Map(findings.map((finding) => [causeOf(finding), finding]));
    for (const [cause, finding] of first) this.group(cause, finding, execution, session);
    return findings.some(({ severity }) => severity === 'error');
  }

  private group(cause: string, finding: Finding, execution: Execution, session: string | undefined): void {
    const known = this.failures.get(cause);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    const { rule, severity, message } = finding;
    this.failures.set(cause, {
      rule,
      severity,
      message: fromHere(message),
      count: 1,
      run: this.executions,
      seed: execution.seed,
      schedule: formatSchedule(execution.schedule),
      session,
    });
  }

  /** Records the execution in full. */
  private store({ seed, schedule }: Execution): string | undefined {
    const { db, source, set, rules, races, maxSteps = defaultMostSteps } = this.options;
    if (db === undefined) return undefined;
    return record(this.scenario, {
      db,
      seed,
      strategy: this.strategy === 'timed' ? 'timed' : 'random',
      schedule: formatSchedule(schedule),
      maxSteps,
      ...(source === undefined ? {} : { source }),
      ...(set === undefined ? {} : { set }),
      ...(rules === undefined ? {} : { rules }),
      ...(races === undefined ? {} : { races }),
    }).session;
  }
}

/**
 * Looks for schedules of a scenario that fail.
 *
 * @throws {InputError} when an option or the scenario is at fault
 * @example
 * const { failures, ending } = explore(myScenario, { strategy: 'pos', runs: 10_000 });
 */
export function explore(scenario: Scenario, options: ExploreOptions = {}): Exploration {
  const explorer = new Explorer(scenario, options);
  while (explorer.advance());
  return explorer.finish();
}
