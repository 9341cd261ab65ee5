import type { AnyEvent } from '../../core/events.ts';
import type { Options, Scenario } from '../../core/scenario.ts';
import type { World } from '../../core/world.ts';
import type { Finding, RuleName } from '../../scheduler/finding.ts';
import { Lineage } from '../../scheduler/lineage.ts';
import type { Observer } from '../../scheduler/observer.ts';
import { stream } from '../../scheduler/random.ts';
import type { Run } from '../../scheduler/run.ts';
import { formatSchedule, ScheduleWriter } from '../../scheduler/schedule.ts';
import { Steering, type Switch, type Wish } from '../../scheduler/steering.ts';
import { strategies } from '../../scheduler/strategies.ts';
import { checkOptions, startWith, type RunSpec } from '../execution.ts';
import { Watcher } from '../watcher.ts';
import { watchedRules } from '../rules.ts';
import { failuresOf, failureToPursue, verdictOf, type Cause, type Failure } from './cause.ts';
import type { Verdict } from './verdict.ts';

/** What one execution under a wish came to. */
export interface Trial {
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  /** What it fails by, the first first. */
  readonly failures: readonly Failure[];
  /** The options that it ran with. */
  readonly set: Options;
  /** The steps that were made, in order; see `stepOf`. */
  readonly order: readonly number[];
  /** Where it left the default schedule; and how many steps had been made by then, for each. */
  readonly switches: readonly Switch[];
  readonly switchedAt: readonly number[];
  readonly contextSwitches: number;
  /** Picks where more than one could have moved, and the string that follows them exactly. */
  readonly decisions: number;
  readonly schedule: string;
}

/** Sees the events of a trial: who did them, the world just before, and which step it was in, -1 for the boot. */
export type StepObserver = (event: AnyEvent, actor: number, world: World, step: number) => void;

export interface TrialOptions {
  /** Options of the scenario other than those of the run under test. */
  readonly set?: Options;
  /** Whether to go on after the failure has shown itself. */
  readonly whole?: boolean;
  readonly watch?: StepObserver;
}

/** Steps between two looks at whether the failure has shown itself. */
const slice = 512;
/** A trial may make so many times as many steps as the failing run, and some more. */
const patience = 4;
const grace = 10_000;

/** Executes a scenario again and again under other schedules, stores nothing, and says whether it fails in the same way. */
export class Trials {
  readonly lineage: Lineage = new Lineage();
  readonly spec: RunSpec;
  /** What runs are watched for. */
  rules: readonly RuleName[];
  /** Executions so far. */
  used = 0;
  private readonly scenario: Scenario;
  private readonly onTest: (tests: number) => void;
  /** What makes a trial fail. */
  wanted: Failure | undefined;
  /** The rule that was asked for by name. */
  readonly named: RuleName | undefined;
  /** What a trial may show and pass. */
  private borne: ReadonlySet<Cause> = new Set();
  private maxSteps: number;

  /** Runs are watched for `rules` until it is known what is looked for; it can be `named`. */
  constructor(
    scenario: Scenario,
    spec: RunSpec,
    rules: readonly RuleName[],
    named?: RuleName,
    onTest: (tests: number) => void = () => {},
  ) {
    this.scenario = scenario;
    this.spec = spec;
    this.rules = rules;
    this.named = named;
    this.onTest = onTest;
    this.maxSteps = spec.maxSteps;
  }

  /**
   * From now on a trial fails when it fails as this one did first, or first by the rule that is named; one that makes
   * many more steps is taken to be without end. Whoever names a rule asks for what makes it show, whatever else shows
   * here: then a trial passes that shows nothing but that. Evaluates to this one, as failing.
   * @throws {InputError} when it does not fail so
   */
  pursue(trial: Trial): Trial {
    const wanted = failureToPursue(trial.failures, this.named);
    this.wanted = wanted;
    if (this.named !== undefined) this.borne = new Set(trial.failures.map(({ cause }) => cause));
    this.rules = watchedRules.map(({ name }) => name).filter((name) => name === wanted.rule);
    if (wanted.rule !== 'step-bound')
      this.maxSteps = Math.min(this.spec.maxSteps, patience * trial.order.length + grace);
    return { ...trial, verdict: 'fail' };
  }

  /** @throws {InputError} when the options do not fit the scenario, or decisions cannot be followed */
  run(wish: Wish, { set = this.spec.set, whole = false, watch }: TrialOptions = {}): Trial {
    this.used += 1;
    this.onTest(this.used);
    const { timed } = strategies[this.spec.strategy](stream(this.spec.seed, 'schedule'));
    const steering = new Steering(this.lineage, timed, wish);
    const watcher = new Watcher(this.rules);
    const schedule = new ScheduleWriter();
    const observer: Observer = {
      event(event, kind, actor, tick, world) {
        watcher.event(event, kind, actor, tick, world);
        watch?.(event, actor, world, steering.order.length - 1);
      },
      decision: (actor) => schedule.push(actor),
    };
    checkOptions(this.scenario, set);
    const run = startWith(this.scenario, steering, this.spec.seed, { set, maxSteps: this.maxSteps }, observer);
    while (run.advance(slice)) {
      if (!whole && this.judge(found(run, watcher), run.world).verdict === 'fail') break;
    }
    if (run.ended && !run.findings.some(({ rule }) => rule === 'step-bound')) watcher.end(run.world);
    const findings = found(run, watcher);
    return {
      ...this.judge(findings, run.world),
      findings,
      set,
      order: steering.order,
      switches: steering.switches,
      switchedAt: steering.switchedAt,
      contextSwitches: steering.contextSwitches,
      decisions: schedule.count,
      schedule: formatSchedule(schedule.take()),
    };
  }

  private judge(findings: readonly Finding[], world: World): Pick<Trial, 'verdict' | 'failures'> {
    const failures = failuresOf(findings, world, this.named);
    return { verdict: verdictOf(failures, this.wanted, this.borne), failures };
  }
}

function found(run: Run, watcher: Watcher): Finding[] {
  return [...run.findings, ...watcher.findings()];
}
