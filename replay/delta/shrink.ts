/**
 * Makes a failing schedule small, in this order: fewest context switches within the same trace, only the causal past of
 * what was found, then delta debugging over what is left of it against the default schedule. Options shrink too. Every
 * candidate is executed, and the result is what an execution did.
 */
import { createHash } from 'node:crypto';
import { InputError } from '../../core/errors.ts';
import type { Options, Scenario } from '../../core/scenario.ts';
import type { RuleName } from '../../scheduler/finding.ts';
import { memberOf, nothing, type Switch, type Wish } from '../../scheduler/steering.ts';
import { orderWish, randomWishes, switchesWish } from '../../scheduler/wishes.ts';
import { record, type Recording, type ScenarioSource } from '../record.ts';
import { ddmin } from './ddmin.ts';
import { Dependence } from './dependence.ts';
import { smallerOptions } from './smaller-options.ts';
import { pastOf } from './past.ts';
import { ordersWithFewSwitches } from './reorder.ts';
import { trialsOf, tryRun, type RunToTest } from './run-to-test.ts';
import { tell, type Turn } from './story.ts';
import type { Trial, Trials } from './trials.ts';

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
  /** The small run, recorded; without {@link ShrinkOptions.db} it is not stored. */
  readonly recording: Recording;
  /** The options that it fails with. */
  readonly set: Options;
  /** Follows the small schedule exactly, with the seed and strategy that the run had. */
  readonly schedule: string;
  /** The forced switches, told. */
  readonly turns: readonly Turn[];
}

/** Rules that look at the end of a run, where everything before counts. */
const ofTheEnd: ReadonlySet<RuleName> = new Set(['check', 'deadlock', 'queue-deadlock', 'unanswered', 'step-bound']);

/**
 * Makes the schedule of a failing run small.
 * @throws {InputError} when the run does not fail, or does not fit the scenario
 * @example
 * const { schedule, turns } = shrink(lateWrite, { seed: 1 });
 */
export function shrink(scenario: Scenario, run: RunToTest, options: ShrinkOptions = {}): Shrunk {
  const trials = trialsOf(scenario, run, options.onTest);
  const first = tryRun(trials, scenario, run);
  if (first.causes.size === 0) throw new InputError('the run does not fail: there is nothing to shrink');
  trials.pursue(first);
  const shrinking = new Shrinking(trials, first, options.tests ?? defaultTests);
  shrinking.schedule();
  if (options.options !== false) shrinking.options(scenario);
  const { smallest, minimal } = shrinking;
  const { trial, turns } = tell(trials, smallest);
  const { set, schedule } = trial;
  const { db, source } = options;
  const recording = record(scenario, {
    ...run,
    set,
    schedule,
    ...(db === undefined ? {} : { db }),
    ...(source === undefined ? {} : { source }),
  });
  return { before: sizeOf(first), after: sizeOf(trial), tests: trials.used, minimal, recording, set, schedule, turns };
}

function sizeOf({ contextSwitches, switches, order }: Trial): Size {
  return { contextSwitches, forced: switches.length, steps: order.length };
}

class Shrinking {
  smallest: Trial;
  /** Whether the last search over switches went to its end. */
  minimal = false;
  private readonly trials: Trials;
  private readonly budget: number;

  constructor(trials: Trials, first: Trial, budget: number) {
    this.trials = trials;
    this.smallest = first;
    this.budget = budget;
  }

  /** Makes the schedule small, in rounds, until a round gains nothing. */
  schedule(): void {
    for (;;) {
      const before = this.smallest;
      this.withinTrace();
      this.minimise();
      if (!smaller(this.smallest, before) || this.spent) return;
    }
  }

  /** Tries other options, one at a time; for those that still fail the schedule is made small again. */
  options(scenario: Scenario): void {
    const tried = new Set<string>();
    const next = (): Options | undefined =>
      smallerOptions(scenario, this.smallest.set, this.trials.spec.set).find((set) => !tried.has(JSON.stringify(set)));
    for (let set = next(); set !== undefined && !this.spent; set = next()) {
      tried.add(JSON.stringify(set));
      const failing = this.failsWith(set);
      if (failing === undefined) continue;
      this.smallest = failing;
      this.schedule();
    }
  }

  private get spent(): boolean {
    return this.trials.used >= this.budget;
  }

  /** Fewest context switches within the same trace, then only what the findings depend on before anything else. */
  private withinTrace(): void {
    const { order, set } = this.smallest;
    const dependence = new Dependence();
    const stepOfEvent: number[] = [];
    const { findings } = this.trials.run(orderWish(order), {
      set,
      watch(event, actor, world, step) {
        stepOfEvent.push(step);
        if (step >= 0) dependence.event(event, actor, world, step);
      },
    });
    const within = (steps: readonly number[]): Wish => orderWish(steps.map((step) => order[step]!));
    const orders = ordersWithFewSwitches(order.map(memberOf), dependence.on);
    for (const steps of orders) this.consider(within(steps));
    const errors = findings.filter(({ severity }) => severity === 'error');
    if (errors.some(({ rule }) => ofTheEnd.has(rule))) return;
    const past = pastOf(
      errors.map(({ seq }) => stepOfEvent[seq]!),
      dependence.on,
    );
    for (const steps of orders) this.consider(within(steps.filter((step) => past.has(step))));
  }

  /** Delta debugging over the switches against the default schedule. */
  private minimise(): void {
    const known = new Map<string, readonly Switch[] | undefined>();
    this.minimal = true;
    ddmin(this.smallest.switches, (switches) => {
      const key = createHash('sha1').update(JSON.stringify(switches)).digest('base64');
      if (known.has(key)) return known.get(key);
      if (this.spent) {
        this.minimal = false;
        return undefined;
      }
      const trial = this.trials.run(switchesWish(switches), { set: this.smallest.set });
      if (trial.verdict === 'fail') this.smallest = trial;
      const needed = trial.verdict === 'fail' ? trial.switches : undefined;
      known.set(key, needed);
      return needed;
    });
  }

  private consider(wish: Wish): void {
    if (this.spent) return;
    const trial = this.trials.run(wish, { set: this.smallest.set });
    if (trial.verdict === 'fail' && smaller(trial, this.smallest)) this.smallest = trial;
  }

  /** A failing run with those options, under the schedule found so far or one of a few others. */
  private failsWith(set: Options): Trial | undefined {
    for (const wish of [switchesWish(this.smallest.switches), nothing, ...randomWishes(this.trials.spec.seed)]) {
      if (this.spent) return undefined;
      try {
        const trial = this.trials.run(wish, { set });
        if (trial.verdict === 'fail') return trial;
      } catch (error) {
        if (error instanceof InputError) return undefined; // a value that the scenario or the machine does not take
        throw error;
      }
    }
    return undefined;
  }
}

/** Fewer forced switches, or as many and fewer switches in all. */
function smaller(a: Trial, b: Trial): boolean {
  const fewer = a.switches.length - b.switches.length;
  return fewer < 0 || (fewer === 0 && a.contextSwitches < b.contextSwitches);
}
