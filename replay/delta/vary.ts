import { InputError } from '../../core/errors.ts';
import { machineValues } from '../../core/machine.ts';
import { machinePrefix, type Options, type Scenario } from '../../core/scenario.ts';
import { optionsOf } from '../execution.ts';
import { record } from '../record.ts';
import { rulesToWatch, type RunToTest } from './run-to-test.ts';

type Value = Options[string];

/** How a scenario ends with one value of an option. */
export interface Variant {
  readonly value: Value;
  /** `refused`: the machine or the scenario does not take it. */
  readonly outcome: 'passed' | 'failed' | 'refused';
  /** The first rule that it fails by, or why it is refused. */
  readonly why: string | undefined;
}

export interface VaryOptions {
  /** Only numbers from `low` to `high`. */
  readonly range?: { readonly low: number; readonly high: number };
  /** Only these values. */
  readonly values?: readonly Value[];
  /** A value fails when a run under one of so many seeds fails; the default is 1. */
  readonly seeds?: number;
  /** Called with each value when it has been tried. */
  readonly onVariant?: (variant: Variant) => void;
}

/** What came of varying an option. */
export interface Variation {
  readonly option: string;
  /** In the order in which they were tried. */
  readonly tried: readonly Variant[];
  /** Of a number: the closest two values that were tried and end differently; undefined when all end alike. */
  readonly threshold: { readonly passes: number; readonly fails: number } | undefined;
}

/** The farthest that a number is taken from its default, as a factor. */
const farthest = 2 ** 12;
/** Values around a middle that are tried when it is refused. */
const detours = 8;

/**
 * Finds the value of an option at which the outcome flips: of a number by halving, of anything else by trying all.
 * @throws {InputError} when there is no such option, or its values are not known
 */
export function vary(scenario: Scenario, run: RunToTest, option: string, options: VaryOptions = {}): Variation {
  const base = defaultOf(scenario, run, option);
  const varying = new Varying(scenario, run, option, options);
  const values = options.values ?? valuesOf(option, base);
  if (values !== undefined) for (const value of values) varying.outcome(value);
  else varying.number(base as number, options.range);
  const tried = [...varying.tried.values()];
  return { option, tried, threshold: thresholdOf(tried) };
}

function defaultOf(scenario: Scenario, { set = {} }: RunToTest, option: string): Value {
  const all: Options = { ...optionsOf(scenario), ...set };
  const found = all[option];
  if (found !== undefined) return found;
  throw new InputError(`there is no option "${option}"; there are: ${Object.keys(all).join(', ')}`);
}

/** All values of an option that has few; undefined for a number. */
function valuesOf(option: string, base: Value): readonly Value[] | undefined {
  if (typeof base === 'boolean') return [false, true];
  const known = option.startsWith(machinePrefix) ? machineValues(option.slice(machinePrefix.length)) : undefined;
  if (known !== undefined || typeof base === 'number') return known;
  throw new InputError(`option "${option}" is a text: say which values to try, as in ${option}=one,other`);
}

/** Tries values of one option. */
class Varying {
  readonly tried = new Map<Value, Variant>();
  private readonly scenario: Scenario;
  private readonly run: RunToTest;
  private readonly option: string;
  private readonly seeds: number;
  private readonly onVariant: VaryOptions['onVariant'];

  constructor(scenario: Scenario, run: RunToTest, option: string, { seeds = 1, onVariant }: VaryOptions) {
    this.scenario = scenario;
    this.run = run;
    this.option = option;
    this.seeds = seeds;
    this.onVariant = onVariant;
  }

  /** Halves a range, or else the way from the default to a value that ends differently. */
  number(base: number, range: VaryOptions['range']): void {
    const { low, high } = range ?? this.bracket(base);
    this.halve(low, high);
  }

  outcome(value: Value): Variant['outcome'] {
    const known = this.tried.get(value);
    if (known !== undefined) return known.outcome;
    const variant = this.execute(value);
    this.tried.set(value, variant);
    this.onVariant?.(variant);
    return variant.outcome;
  }

  /** Doubles and halves the default in turns, until something ends differently. */
  private bracket(base: number): { low: number; high: number } {
    const first = this.outcome(base);
    const differs = (value: number): boolean => {
      const outcome = this.outcome(value);
      return outcome !== 'refused' && outcome !== first;
    };
    let low = base;
    let high = Math.max(base, 1);
    for (let factor = 2; factor <= farthest; factor *= 2) {
      const half = Math.floor(base / factor);
      if (half < low) {
        if (differs(half)) return { low: half, high: low };
        low = half;
      }
      const double = Math.max(base, 1) * factor;
      if (differs(double)) return { low: high, high: double };
      high = double;
    }
    return { low: base, high: base };
  }

  /** Brings two values together that end differently, as long as what is between them is not refused. */
  private halve(low: number, high: number): void {
    const atLow = this.outcome(low);
    if (this.outcome(high) === atLow) return;
    let [from, to] = [low, high];
    while (to - from > 1) {
      const middle = this.between(from, to);
      if (middle === undefined) return;
      if (this.outcome(middle) === atLow) from = middle;
      else to = middle;
    }
  }

  /** A value near the middle that is not refused. */
  private between(from: number, to: number): number | undefined {
    const middle = Math.floor((from + to) / 2);
    for (let detour = 0; detour < detours; detour += 1) {
      const value = middle + (detour % 2 === 0 ? detour / 2 : -(detour + 1) / 2);
      if (value > from && value < to && this.outcome(value) !== 'refused') return value;
    }
    return undefined;
  }

  private execute(value: Value): Variant {
    const { seed = '1', set, finding, ...rest } = this.run;
    for (let nth = 0; nth < this.seeds; nth += 1) {
      try {
        const { findings } = record(this.scenario, {
          ...rest,
          rules: rulesToWatch(this.run),
          seed: nth === 0 ? seed : `${seed}/${nth}`,
          set: { ...set, [this.option]: value },
        });
        const shown = findings.find(({ rule, severity }) =>
          finding === undefined ? severity === 'error' : rule === finding,
        );
        if (shown !== undefined) return { value, outcome: 'failed', why: shown.rule };
      } catch (error) {
        if (error instanceof InputError) return { value, outcome: 'refused', why: error.message };
        throw error;
      }
    }
    return { value, outcome: 'passed', why: undefined };
  }
}

function thresholdOf(tried: readonly Variant[]): Variation['threshold'] {
  const numbers = tried
    .filter(({ value, outcome }) => typeof value === 'number' && outcome !== 'refused')
    .toSorted((a, b) => (a.value as number) - (b.value as number));
  let closest: Variation['threshold'];
  let gap = Infinity;
  for (let i = 1; i < numbers.length; i += 1) {
    const [a, b] = [numbers[i - 1]!, numbers[i]!];
    const between = (b.value as number) - (a.value as number);
    if (a.outcome === b.outcome || between >= gap) continue;
    gap = between;
    const [passes, fails] = a.outcome === 'passed' ? [a, b] : [b, a];
    closest = { passes: passes.value as number, fails: fails.value as number };
  }
  return closest;
}
