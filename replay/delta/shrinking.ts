import { InputError } from '../../core/errors.ts';
import type { Options, Scenario } from '../../core/scenario.ts';
import type { RuleName } from '../../scheduler/finding.ts';
import { memberOf, nothing, type Switch, type Wish } from '../../scheduler/steering.ts';
import { orderWish, priorityWishes, randomWishes, switchesWish } from '../../scheduler/wishes.ts';
import { ddmin } from './ddmin.ts';
import { Dependence } from './dependence.ts';
import { keyOf } from './key.ts';
import { pastOf } from './past.ts';
import { ordersWithFewSwitches } from './reorder.ts';
import { smallerOptions } from './smaller-options.ts';
import type { Trial, Trials } from './trials.ts';

/** Rules that look at the end of a run, where everything before counts. */
const ofTheEnd: ReadonlySet<RuleName> = new Set(['check', 'deadlock', 'queue-deadlock', 'unanswered', 'step-bound']);

/** A failing run on its way to a small one. */
export class Shrinking {
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

  /** Makes the schedule small, in rounds, until a round gains nothing. Another one with fewer switches is a better start. */
  schedule(): void {
    if (this.smallest.switches.length > 1)
      for (const wish of priorityWishes(this.trials.spec.seed)) this.consider(wish);
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
    if (this.spent) return;
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
    const { rule: wanted } = this.trials.wanted!;
    if (ofTheEnd.has(wanted)) return;
    const shown = findings.filter(({ rule }) => rule === wanted).map(({ seq }) => stepOfEvent[seq]!);
    const past = pastOf(shown, dependence.on);
    for (const steps of orders) this.consider(within(steps.filter((step) => past.has(step))));
  }

  /** Delta debugging over the switches against the default schedule. */
  private minimise(): void {
    const known = new Map<string, readonly Switch[] | undefined>();
    const attempt = (switches: readonly Switch[]): readonly Switch[] | undefined => {
      const key = keyOf(switches.flatMap(({ from, steps, to }) => [from, steps, to]));
      if (known.has(key)) return known.get(key);
      const trial = this.trials.run(switchesWish(switches), { set: this.smallest.set });
      const needed = trial.verdict === 'fail' ? trial.switches : undefined;
      if (needed !== undefined) this.smallest = trial;
      known.set(key, needed);
      return needed;
    };
    ddmin(this.smallest.switches, attempt, () => this.spent);
    this.minimal = !this.spent;
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
