import { InputError } from '../../core/errors.ts';
import type { Options, Scenario } from '../../core/scenario.ts';
import type { Finding, RuleName } from '../../scheduler/finding.ts';
import { decisionsOf, formatSchedule, parseSchedule } from '../../scheduler/schedule.ts';
import { scripted, ScheduleMismatch } from '../../scheduler/scripted.ts';
import type { Search, Trial } from '../../scheduler/search.ts';
import { checkOptions, hasDevice, rehearse, type Limits } from '../execution.ts';
import { fromHere } from '../format.ts';
import { raceRules } from '../races/rules.ts';
import { record, rulesOf } from '../record.ts';
import { causeOf } from './cause.ts';
import { checkDraws, drawOptions } from './draw.ts';
import {
  beforeAll,
  type Again,
  type Ending,
  type Exploration,
  type Failure,
  type Made,
  type Part,
} from './exploration.ts';
import { Judge, type Disagreement, type Execution } from './judge.ts';
import { defaultMostSteps, defaultRuns, defaultSystematicRuns, type ExploreOptions } from './options.ts';
import { defaultBound, defaultDepth, wayNamed, ways, type Way, type WayName } from './searches.ts';
import { storedFailures, type StoredFailure } from './stored.ts';

const none: Options = {};

/** A failure while it is counted. */
type Counted = { -readonly [Name in keyof Failure]: Failure[Name] };

/** An exploration under way, for those who must do something else in between. */
export class Explorer {
  /** Most executions to make, in all shards together. */
  readonly runs: number;
  /** Executions made. */
  executions = 0;
  /** Failures and warnings so far, by cause. */
  readonly failures = new Map<string, Failure>();
  private readonly scenario: Scenario;
  private readonly options: ExploreOptions;
  private readonly strategy: WayName;
  private readonly way: Way;
  private readonly seed: string;
  private readonly shard: { readonly index: number; readonly of: number };
  private readonly search: Search;
  private readonly limits: Limits;
  private readonly rules: readonly RuleName[];
  private readonly judge: Judge;
  /** Whether traces are told apart. */
  private readonly counts: boolean;
  private readonly traces = new Map<number, number>();
  /** Every execution, when the search ends with the first failure: another shard may end it before some of these. */
  private readonly made: Made[] = [];
  /** Stored failures that are still to be run. */
  private readonly stored: StoredFailure[];
  private readonly again: { -readonly [Name in keyof Again]: number } = { failed: 0, passed: 0, unfit: 0 };
  private blocked = 0;
  private cut = 0;
  private decisions = 0;
  private disagreement: Disagreement | undefined;
  private ending: Ending | undefined;

  /** @throws {InputError} when an option or the scenario is at fault */
  constructor(scenario: Scenario, options: ExploreOptions = {}) {
    const { seed = '1', strategy = 'random', set = {}, draw = {}, maxSteps = defaultMostSteps } = options;
    checkOptions(scenario, set);
    checkDraws(scenario, draw);
    this.scenario = scenario;
    this.options = options;
    this.seed = String(seed);
    this.strategy = wayNamed(strategy);
    this.way = ways[this.strategy];
    this.checkFit();
    this.shard = options.shard ?? { index: 1, of: 1 };
    this.runs = options.runs ?? (this.way.systematic ? defaultSystematicRuns : defaultRuns);
    if (this.way.systematic) this.checkWhole();
    this.limits = { set, maxSteps };
    this.search = this.way.make({
      seed: this.seed,
      depth: options.depth ?? defaultDepth,
      bound: options.bound ?? defaultBound,
      first: this.shard.index - 1,
      stride: this.shard.of,
      rehearse: () => rehearse(scenario, this.seed, this.limits),
    });
    this.counts = options.traces !== false && this.way.distinct !== true;
    this.rules = rulesFor(scenario, options);
    this.judge = new Judge(scenario, this.limits, this.rules, this.counts);
    this.stored = [...(options.first ?? []), ...(options.stored ?? this.storedOnes())];
  }

  /** Which execution comes next, from 0, counted over all shards. */
  get next(): number {
    return this.executions * this.shard.of + this.shard.index - 1;
  }

  /** Makes one more execution. Evaluates to whether there may be more. */
  advance(): boolean {
    if (this.ending !== undefined) return false;
    const stored = this.stored.shift();
    if (stored !== undefined) return this.repeat(stored);
    if (this.next >= this.runs) return this.end('runs');
    const trial = this.search.next();
    if (trial === undefined)
      return this.end(this.search.complete && this.cut === 0 ? 'everything' : 'all-within-bound');
    if (trial.probe === true) {
      this.judge.lookAhead(trial);
      return true;
    }
    const execution = this.make(trial, this.optionsFor(trial));
    if (execution === undefined) return this.end('not-deterministic');
    const failed = this.count(execution);
    this.executions += 1;
    if (failed && this.options.stopAtFirst === true) return this.end('first-failure');
    // Every other execution would be the same.
    const varies = trial.strategy.timed || this.options.draw !== undefined;
    if (execution.decisions === 0 && !varies) return this.end('everything');
    return true;
  }

  /** What there is so far. */
  finish(): Exploration {
    return {
      title: this.scenario.title,
      strategy: this.strategy,
      seed: this.seed,
      options: this.options.set ?? {},
      runs: this.runs,
      bound: this.options.bound ?? defaultBound,
      maxSteps: this.options.maxSteps ?? defaultMostSteps,
      ending: this.ending ?? 'interrupted',
      executions: this.executions,
      traces: this.way.distinct === true ? this.executions - this.blocked : this.traces.size,
      blocked: this.blocked,
      cut: this.cut,
      decisions: this.decisions,
      again: this.again,
      failures: [...this.failures.values()],
      disagreement: this.disagreement,
    };
  }

  /** The same, to be merged with the other shards. */
  part(): Part {
    return { ...this.finish(), shard: this.shard, hashes: [...this.traces], made: this.made };
  }

  private end(how: Ending): false {
    this.ending = how;
    return false;
  }

  /** A number that the search does not ask for would be without effect. */
  private checkFit(): void {
    const { strategy } = this;
    const { depth, bound } = this.options;
    if (depth !== undefined && strategy !== 'pct')
      throw new InputError(`a depth is for the search "pct"; "${strategy}" has none`);
    if (bound !== undefined && strategy !== 'preemptions' && strategy !== 'delays')
      throw new InputError(`a bound is for the searches "preemptions" and "delays"; "${strategy}" has none`);
  }

  /** Searches that go through all schedules go on from the execution before, and draw nothing. */
  private checkWhole(): void {
    const { shard, draw = {} } = this.options;
    if (shard !== undefined && shard.of > 1)
      throw new InputError(`the search "${this.strategy}" cannot be split: each execution follows from the one before`);
    if (Object.keys(draw).length > 0)
      throw new InputError(`the search "${this.strategy}" draws nothing, so it cannot draw options either; use --set`);
  }

  private storedOnes(): StoredFailure[] {
    const { db, source } = this.options;
    return db === undefined || source === undefined || this.shard.index !== 1 ? [] : storedFailures(db, source.file);
  }

  private optionsFor({ seed }: Trial): Options {
    const { set = none, draw } = this.options;
    return draw === undefined ? set : { ...set, ...drawOptions(draw, seed) };
  }

  /** Makes an execution; twice, if that was asked for. Evaluates to nothing when the two differ. */
  private make(trial: Trial, set: Options): Execution | undefined {
    if (this.options.verify !== true) return this.judge.run(trial, set);
    const { execution, disagreement } = this.judge.twice(trial, set);
    this.disagreement = disagreement;
    return disagreement === undefined ? execution : undefined;
  }

  /** Runs a stored failure, watched for what found it. Evaluates to whether the exploration goes on. */
  private repeat({ session, seed, set, schedule, timed, rules = [] }: StoredFailure): boolean {
    let execution: Execution;
    try {
      const strategy = scripted(decisionsOf(parseSchedule(schedule)), timed);
      const judge = new Judge(this.scenario, this.limits, [...this.rules, ...rules], this.counts);
      execution = judge.run({ strategy, seed }, set);
    } catch (error) {
      if (!(error instanceof ScheduleMismatch)) throw error;
      this.again.unfit += 1;
      return true;
    }
    const { findings } = execution;
    this.note(execution, beforeAll);
    const failed = findings.some(({ severity }) => severity === 'error');
    this.again[failed ? 'failed' : 'passed'] += 1;
    const stored = session === '' && failed ? this.store(execution) : session;
    this.group(findings, execution, undefined, stored === '' ? undefined : stored);
    return failed && this.options.stopAtFirst === true ? this.end('first-failure') : true;
  }

  /** Counts the execution. Evaluates to whether it failed. */
  private count(execution: Execution): boolean {
    if (execution.blocked) this.blocked += 1;
    else if (this.counts && !this.traces.has(execution.trace)) this.traces.set(execution.trace, this.next);
    if (execution.cut) this.cut += 1;
    this.decisions = Math.max(this.decisions, execution.decisions);
    this.note(execution, this.next);
    const { findings } = execution;
    if (findings.length === 0) return false;
    const errors = findings.filter(({ severity }) => severity === 'error');
    const fresh = errors.some((finding) => !this.failures.has(causeOf(finding)));
    this.group(findings, execution, this.next, fresh ? this.store(execution) : undefined);
    return errors.length > 0;
  }

  private note({ decisions, blocked, cut, findings }: Execution, run: number): void {
    if (this.options.stopAtFirst !== true) return;
    this.made.push({ run, decisions, blocked, cut, causes: [...new Set(findings.map(causeOf))] });
  }

  /** Adds an execution's findings to those of the same causes, each cause once. */
  private group(
    findings: readonly Finding[],
    { seed, set, schedule }: Execution,
    run: number | undefined,
    session: string | undefined,
  ): void {
    for (const [cause, finding] of new Map(findings.map((one) => [causeOf(one), one]))) {
      const known: Counted | undefined = this.failures.get(cause);
      if (known !== undefined) {
        known.count += 1;
        continue;
      }
      const { rule, severity } = finding;
      const message = fromHere(finding.message);
      const failure = {
        cause,
        rule,
        severity,
        message,
        count: 1,
        run,
        seed,
        set,
        schedule: formatSchedule(schedule),
        session,
      };
      this.failures.set(cause, failure);
    }
  }

  /** Records the execution in full. */
  private store({ seed, set, schedule }: Execution): string | undefined {
    const { db } = this.options;
    if (db === undefined) return undefined;
    return recordFailure(this.scenario, this.options, { seed, set, schedule: formatSchedule(schedule) }, db);
  }
}

/** The rules that options choose. Where there is no device, there is nothing to misuse. */
function rulesFor(scenario: Scenario, options: ExploreOptions): RuleName[] {
  const rules = rulesOf(options);
  if (hasDevice(scenario, options.set ?? {})) return rules;
  const races = new Set<RuleName>(raceRules.map(({ name }) => name));
  return rules.filter((rule) => races.has(rule));
}

/** Records a failing execution in full; evaluates to its session. */
export function recordFailure(
  scenario: Scenario,
  { strategy, source, rules, races, maxSteps = defaultMostSteps }: ExploreOptions,
  { seed, set, schedule }: Pick<Failure, 'seed' | 'set' | 'schedule'>,
  db: string,
): string | undefined {
  return record(scenario, {
    db,
    seed,
    set,
    schedule,
    maxSteps,
    strategy: strategy === 'timed' ? 'timed' : 'random',
    ...(source === undefined ? {} : { source }),
    ...(rules === undefined ? {} : { rules }),
    ...(races === undefined ? {} : { races }),
  }).session;
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
