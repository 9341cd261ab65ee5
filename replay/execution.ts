/** From a scenario and a few words to a run: shared by recording and re-executing. */
import { InputError } from '../core/errors.ts';
import { machinePrefix, type Options, type Scenario } from '../core/scenario.ts';
import { defaultMachine } from '../core/machine.ts';
import { stream } from '../scheduler/random.ts';
import { Abort, type Observer } from '../scheduler/observer.ts';
import { Run } from '../scheduler/run.ts';
import { scripted } from '../scheduler/scripted.ts';
import { strategies, strategyNames, type StrategyName } from '../scheduler/strategies.ts';

/** What, besides the scenario, decides a run: the same always gives the same events. */
export interface RunSpec {
  readonly seed: string;
  readonly strategy: StrategyName;
  /** Options that differ from the scenario's defaults. */
  readonly set: Options;
  /** The run ends with a finding after this many steps. */
  readonly maxSteps: number;
}

/** Steps after which a run that does not end is ended. */
export const defaultMaxSteps = 10_000_000;

/** @throws {InputError} naming the strategies there are */
export function strategyNamed(name: string): StrategyName {
  const found = strategyNames.find((known) => known === name);
  if (found === undefined)
    throw new InputError(`there is no strategy "${name}"; there are: ${strategyNames.join(', ')}`);
  return found;
}

/** @throws {InputError} when the scenario has no such option, or the option another type */
function checkOptions(scenario: Scenario, set: Options): void {
  const known: Options = {
    ...scenario.options,
    ...Object.fromEntries(Object.entries(defaultMachine).map(([name, value]) => [machinePrefix + name, value])),
  };
  for (const [name, value] of Object.entries(set)) {
    const fallback = known[name];
    if (!Object.hasOwn(known, name)) {
      throw new InputError(`there is no option "${name}"; there are: ${Object.keys(known).join(', ')}`);
    }
    if (typeof value !== typeof fallback) {
      throw new InputError(`option "${name}" is ${JSON.stringify(value)}, but must be a ${typeof fallback}`);
    }
  }
}

/**
 * Sets up a run, up to just before its first step. With `decisions` it follows them instead of picking.
 * @throws {InputError} when the options do not fit or the scenario cannot be built
 */
export function start(scenario: Scenario, spec: RunSpec, observer: Observer, decisions?: Iterator<number>): Run {
  checkOptions(scenario, spec.set);
  const strategy = strategies[spec.strategy](stream(spec.seed, 'schedule'));
  const picking = decisions === undefined ? strategy : scripted(decisions, strategy.timed);
  const building = (): Run =>
    new Run(scenario.build(spec.set), picking, stream(spec.seed, 'latency'), observer, spec.maxSteps);
  try {
    return building();
  } catch (error) {
    if (error instanceof InputError || error instanceof Abort) throw error;
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new InputError(`the scenario "${scenario.title}" cannot be built: ${why}`, { cause: error });
  }
}
