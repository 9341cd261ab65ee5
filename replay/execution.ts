/** From a scenario and a few words to a run: shared by recording and re-executing. */
import { InputError } from '../core/errors.ts';
import { faultsNamed } from '../core/faults.ts';
import { faultsIn, faultsOption, machinePrefix, type Options, type Scenario } from '../core/scenario.ts';
import { defaultMachine } from '../core/machine.ts';
import { stream } from '../scheduler/random.ts';
import { Abort, type Observer } from '../scheduler/observer.ts';
import { Run } from '../scheduler/run.ts';
import { random } from '../scheduler/strategies/random.ts';
import { scripted } from '../scheduler/scripted.ts';
import { rehearsed, strategies, strategyNames, type StrategyName } from '../scheduler/strategies.ts';
import type { Rehearsal, Strategy } from '../scheduler/strategy.ts';

/** What holds for all runs of a scenario that are compared. */
export interface Limits {
  /** Options that differ from the scenario's defaults. */
  readonly set: Options;
  /** The run ends with a finding after this many steps. */
  readonly maxSteps: number;
}

/** What, besides the scenario, decides a run: the same always gives the same events. */
export interface RunSpec extends Limits {
  readonly seed: string;
  readonly strategy: StrategyName;
}

/** Steps after which a run that does not end is ended. */
export const defaultMaxSteps = 10_000_000;

/** Nothing is drawn where operations take no time. */
const noLatency = (): number => 0;

/** @throws {InputError} naming the strategies there are */
export function strategyNamed(name: string): StrategyName {
  const found = strategyNames.find((known) => known === name);
  if (found === undefined)
    throw new InputError(`there is no strategy "${name}"; there are: ${strategyNames.join(', ')}`);
  return found;
}

/** Every option that `set` can change, and its default. */
export function optionsOf(scenario: Scenario): Options {
  return {
    ...scenario.options,
    [faultsOption]: '',
    ...Object.fromEntries(Object.entries(defaultMachine).map(([name, value]) => [machinePrefix + name, value])),
  };
}

/** @throws {InputError} when the scenario has no such option, or the option another type */
export function checkOptions(scenario: Scenario, set: Options): void {
  const given = Object.entries(set);
  // An option that nobody sets need not be known: a search can begin a thousand times a second.
  const known = given.length === 0 ? set : optionsOf(scenario);
  for (const [name, value] of given) {
    const fallback = known[name];
    if (!Object.hasOwn(known, name)) {
      throw new InputError(`there is no option "${name}"; there are: ${Object.keys(known).join(', ')}`);
    }
    if (typeof value !== typeof fallback) {
      throw new InputError(`option "${name}" is ${JSON.stringify(value)}, but must be a ${typeof fallback}`);
    }
  }
  faultsNamed(faultsIn(set) ?? []);
}

/**
 * Sets up a run, up to just before its first step. With `decisions` it follows them instead of picking.
 * @throws {InputError} when the options do not fit or the scenario cannot be built
 */
export function start(scenario: Scenario, spec: RunSpec, observer: Observer, decisions?: Iterator<number>): Run {
  checkOptions(scenario, spec.set);
  const rehearsal =
    decisions === undefined && rehearsed.has(spec.strategy) ? rehearse(scenario, spec.seed, spec) : undefined;
  const strategy = strategies[spec.strategy](stream(spec.seed, 'schedule'), rehearsal);
  const picking = decisions === undefined ? strategy : scripted(decisions, strategy.timed);
  return startWith(scenario, picking, spec.seed, spec, observer);
}

/**
 * {@link start} with a strategy of one's own, and options that have been checked.
 * @throws {InputError} when the scenario cannot be built
 */
export function startWith(
  scenario: Scenario,
  strategy: Strategy,
  seed: string,
  limits: Limits,
  observer: Observer,
): Run {
  const latency = strategy.timed ? stream(seed, 'latency') : noLatency;
  return built(scenario, () => new Run(scenario.build(limits.set), strategy, latency, observer, limits.maxSteps));
}

/** Whether the scenario has a device, with these options. @throws {InputError} when the scenario cannot be built */
export function hasDevice(scenario: Scenario, set: Options): boolean {
  return built(scenario, () => scenario.build(set).device !== undefined);
}

/** Runs what builds a scenario, and says in one line what is wrong with it. */
function built<T>(scenario: Scenario, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof InputError || error instanceof Abort) throw error;
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new InputError(`the scenario "${scenario.title}" cannot be built: ${why}`, { cause: error });
  }
}

/** Runs the scenario once, at random, to see about how long it is. */
export function rehearse(scenario: Scenario, seed: string, limits: Limits): Rehearsal {
  let decisions = 0;
  const observer: Observer = { event: () => {}, decision: () => (decisions += 1) };
  const run = startWith(scenario, random(stream(seed, 'rehearsal')), seed, limits, observer);
  while (run.advance(limits.maxSteps));
  return { decisions };
}
