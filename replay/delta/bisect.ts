/** From a passing and a failing run of a scenario to the order of two steps that makes the difference. */
import { InputError } from '../../core/errors.ts';
import type { Scenario } from '../../core/scenario.ts';
import { orderWish } from '../../scheduler/wishes.ts';
import type { RuleName } from '../../scheduler/finding.ts';
import { record, type Recording, type ScenarioSource } from '../record.ts';
import { Deeds } from './deeds.ts';
import { distance, isolate, mostPairs } from './isolate.ts';
import { nearestPassing } from './nearest.ts';
import { rulesToWatch, trialsOf, tryRun, type RunToTest } from './run-to-test.ts';
import type { Deed } from './story.ts';
import type { StepObserver, Trial } from './trials.ts';

export interface BisectOptions {
  /** At most about that many executions; the default is {@link defaultBisectTests}. */
  readonly tests?: number;
  /** The file to record the two runs into that are left. */
  readonly db?: string;
  /** Where the scenario comes from, to be stored with them. */
  readonly source?: ScenarioSource;
  /** Called before each execution with its number. */
  readonly onTest?: (tests: number) => void;
}

export const defaultBisectTests = 500;

/** A step, and the events that it is in the four runs; nothing where a run does not make it. */
export interface Place {
  /** As it is told in a run that is left: in the failing one, if that makes it. */
  readonly name: string;
  readonly good: number | undefined;
  readonly bad: number | undefined;
  readonly passing: number | undefined;
  readonly failing: number | undefined;
}

/** Two steps whose order differs between the two runs that are left. */
export interface Reordering {
  /** The one that comes first in the failing run. */
  readonly first: Place;
  /** The one that comes first in the passing run. */
  readonly second: Place;
}

/** What a bisection came to. */
export interface Bisection {
  /** `fails if and only if app:main store #512 (bytes 0x940..0x97f) runs before device:dma0 beat 37 of request 2`, or that it came to no single pair. */
  readonly sentence: string;
  /** Steps whose place among the others differed between the good and the bad run. */
  readonly differing: number;
  /** Executions used, the last two of which are the runs that are left. */
  readonly tests: number;
  /** What is left of the difference: one pair, if all went well. */
  readonly reorderings: readonly Reordering[];
  /** The two runs that are left, recorded; they differ in nothing but the reorderings and what these bring about. */
  readonly passing: Recording;
  readonly failing: Recording;
  /** Their schedules, for the seed and strategy of the bad run. */
  readonly passingSchedule: string;
  readonly failingSchedule: string;
}

/**
 * Finds the reordering that makes a run fail: between a good and a bad run, or between a bad run and a good one near it,
 * which it looks for when `good` is not given. Both run with the seed, strategy and options of the bad run.
 * @throws {InputError} when the bad run does not fail, the good one does not pass, or they do not fit together
 * @example
 * const { sentence } = bisect(lateWrite, runOf(good), runOf(bad));
 */
export function bisect(
  scenario: Scenario,
  good: RunToTest | undefined,
  bad: RunToTest,
  options: BisectOptions = {},
): Bisection {
  const trials = trialsOf(scenario, bad, options.onTest);
  const tests = options.tests ?? defaultBisectTests;
  const told = new Map<Role, Run>();
  const given = watched(told, 'bad', (watch) => tryRun(trials, scenario, bad, { watch }));
  const failing = trials.pursue(given);
  const far = good === undefined ? nearestPassing(trials, failing, tests / 2) : { passing: passingOf(good), failing };
  const left = isolate(trials, far, () => trials.used >= tests);
  for (const role of ['passing', 'failing'] as const) {
    const { order, verdict } = left[role];
    const again = watched(told, role, (watch) => trials.run(orderWish(order), { whole: true, watch }));
    if (again.verdict !== verdict)
      throw new InputError('two runs of one schedule went different ways: the scenario is not deterministic');
  }
  const reorderings = left.pairs.map(({ first, second }) => ({
    first: placeOf(first, told),
    second: placeOf(second, told),
  }));
  const save = ({ schedule }: Trial): Recording =>
    record(scenario, {
      ...bad,
      rules: rulesToWatch(bad),
      schedule,
      ...(options.db === undefined ? {} : { db: options.db }),
      ...(options.source === undefined ? {} : { source: options.source }),
    });
  return {
    sentence: sentenceOf(reorderings, bad.finding),
    differing: distance(far.passing, far.failing),
    tests: trials.used,
    reorderings,
    passing: save(left.passing),
    failing: save(left.failing),
    passingSchedule: left.passing.schedule,
    failingSchedule: left.failing.schedule,
  };

  function passingOf(run: RunToTest): Trial {
    const trial = watched(told, 'good', (watch) => tryRun(trials, scenario, run, { watch }));
    if (trial.verdict === 'fail' && bad.finding !== undefined)
      throw new InputError(`the good run shows ${bad.finding} too`);
    if (trial.verdict !== 'pass') throw new InputError('the good run does not pass');
    return trial;
  }
}

type Role = 'good' | 'bad' | 'passing' | 'failing';

/** A run, with what was done in its steps. */
interface Run {
  readonly deeds: Deeds;
  /** By step: its place in the run. */
  readonly places: ReadonlyMap<number, number>;
}

/** Makes a run and keeps what was done in it. */
function watched(told: Map<Role, Run>, role: Role, run: (watch: StepObserver) => Trial): Trial {
  const deeds = new Deeds();
  const trial = run(deeds.watch);
  told.set(role, { deeds, places: placesOf(trial.order) });
  return trial;
}

function placesOf(order: readonly number[]): Map<number, number> {
  return new Map(order.map((step, place) => [step, place]));
}

function placeOf(step: number, told: ReadonlyMap<Role, Run>): Place {
  const of = (role: Role): Deed | undefined => {
    const run = told.get(role);
    const place = run?.places.get(step);
    return place === undefined ? undefined : run!.deeds.of(place);
  };
  const seqs = (['good', 'bad', 'passing', 'failing'] as const).map((role) => [role, of(role)?.seq]);
  return { name: (of('failing') ?? of('passing'))!.name, ...(Object.fromEntries(seqs) as Omit<Place, 'name'>) };
}

function sentenceOf(reorderings: readonly Reordering[], finding: RuleName | undefined): string {
  const [one] = reorderings;
  const fails = finding === undefined ? 'fails' : `shows ${finding}`;
  if (one === undefined) return 'the two runs that are left make their steps in the same order';
  if (reorderings.length === 1) return `${fails} if and only if ${one.first.name} runs before ${one.second.name}`;
  const count = reorderings.length === mostPairs ? `${mostPairs} or more` : String(reorderings.length);
  return `${fails} with ${count} pairs of steps in the other order, and no closer runs were found: the first is ${one.first.name} before ${one.second.name}`;
}
