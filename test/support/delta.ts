/** Holds what shrink and bisect come to against executions of its own. */
import { expect } from 'vitest';
import {
  bisect,
  record,
  shrink,
  type Bisection,
  type Recording,
  type RuleName,
  type RunToTest,
  type Scenario,
  type ShrinkOptions,
  type Shrunk,
} from '../../index.ts';
import { rulesToWatch, trialsOf, tryRun } from '../../replay/delta/run-to-test.ts';
import type { Trial, Trials } from '../../replay/delta/trials.ts';
import { orderWish, switchesWish } from '../../scheduler/wishes.ts';

/** Records the run under another schedule, watched for what the run is. */
const again = (scenario: Scenario, run: RunToTest, schedule: string, set = run.set ?? {}): Recording =>
  record(scenario, { ...run, schedule, set, rules: rulesToWatch(run) });

const rulesOf = ({ findings }: Recording): RuleName[] => findings.map(({ rule }) => rule);

/** Shrinks: the small run shows what was looked for, and without any one switch it does not. */
export function shrinkAndCheck(scenario: Scenario, run: RunToTest, options: ShrinkOptions = {}): Shrunk {
  const shrunk = shrink(scenario, run, options);
  const { schedule, set, before, after, finding } = shrunk;
  expect(shrunk.minimal).toBe(true);
  expect(after.forced).toBeLessThanOrEqual(before.forced);
  expect(shrunk.turns).toHaveLength(after.forced);
  const small = again(scenario, run, schedule, set);
  expect(small.digest).toBe(shrunk.recording.digest);
  expect(rulesOf(small)).toContain(finding);

  const trials = trialsOf(scenario, { ...run, schedule, set, finding });
  const { switches } = trials.pursue(tryRun(trials, scenario, { ...run, schedule, set }));
  expect(switches).toHaveLength(after.forced);
  for (const one of switches) {
    const without = switches.filter((other) => other !== one);
    expect(trials.run(switchesWish(without), { whole: true }).verdict).not.toBe('fail');
  }
  return shrunk;
}

/** Bisects: it comes to one pair, and of the two runs that are left either flips when just this pair changes places. */
export function bisectAndCheck(scenario: Scenario, good: RunToTest | undefined, bad: RunToTest): Bisection {
  const found = bisect(scenario, good, bad);
  const { sentence, reorderings, passingSchedule, failingSchedule } = found;
  expect(reorderings, sentence).toHaveLength(1);
  const [{ first, second }] = reorderings as [Bisection['reorderings'][0]];
  const fails = bad.finding === undefined ? 'fails' : `shows ${bad.finding}`;
  expect(sentence).toBe(`${fails} if and only if ${first.name} runs before ${second.name}`);
  // In the failing run the first comes first, in the passing one the second; what a run never does comes last.
  expect(first.failing!).toBeLessThan(second.failing ?? Infinity);
  expect(second.passing!).toBeLessThan(first.passing ?? Infinity);

  const trials = trialsOf(scenario, bad);
  trials.pursue(tryRun(trials, scenario, bad));
  const failing = following(trials, scenario, bad, failingSchedule);
  const passing = following(trials, scenario, bad, passingSchedule);
  expect([failing.verdict, passing.verdict]).toEqual(['fail', 'pass']);
  const [earlier, later] = [failing.stepAt(first.failing!), passing.stepAt(second.passing!)];
  const verdict = (order: readonly number[]): string => trials.run(orderWish(order), { whole: true }).verdict;
  expect(verdict(moved(passing.order, earlier, later)), sentence).toBe('fail');
  expect(verdict(moved(failing.order, later, earlier)), sentence).toBe('pass');
  if (bad.finding === undefined) {
    expect([found.failing.outcome, found.passing.outcome]).toEqual(['failed', 'passed']);
  } else {
    expect(rulesOf(found.failing)).toContain(bad.finding);
    expect(rulesOf(found.passing)).not.toContain(bad.finding);
    expect(rulesOf(again(scenario, bad, failingSchedule))).toContain(bad.finding);
    expect(rulesOf(again(scenario, bad, passingSchedule))).not.toContain(bad.finding);
  }
  return found;
}

/** Follows a schedule, and knows which step an event belongs to. */
function following(
  trials: Trials,
  scenario: Scenario,
  run: RunToTest,
  schedule: string,
): Trial & { stepAt(seq: number): number } {
  const steps: number[] = [];
  const trial = tryRun(trials, scenario, { ...run, schedule }, { watch: (_e, _a, _w, step) => void steps.push(step) });
  return { ...trial, stepAt: (seq) => trial.order[steps[seq]!]! };
}

/** The order with a step just before another one. */
function moved(order: readonly number[], step: number, before: number): number[] {
  return order.filter((one) => one !== step).flatMap((one) => (one === before ? [step, one] : [one]));
}
