/** The catalogue of bugs, made small by shrink and brought down to the order of two steps by bisect. */
import { expect, test } from 'vitest';
import { bisect, type RuleName, type RunToTest } from '../../index.ts';
import { bisectAndCheck, shrinkAndCheck } from '../support/delta.ts';
import { runBug, specFor, type Bug } from './catalogue.ts';

/** Bugs that no order of steps brings about: they show in every run. */
const always: ReadonlySet<number> = new Set([5, 11, 14, 17, 18, 19, 20, 23, 26, 35, 40, 41, 42, 44, 45, 46]);

/** Seeds under which a bug has to show, and to keep quiet if it can. */
const seeds = 60;

/** A run of a bug. */
interface Seen {
  readonly run: RunToTest;
  /** The rules that find an error, and the bug's own, even if that only warns. */
  readonly shows: ReadonlySet<RuleName>;
}

/** A run that shows a rule, and one like it that does not, if there is any. */
interface Pair {
  readonly rule: RuleName;
  readonly bad: Seen;
  readonly good: Seen | undefined;
}

/** Runs the bug until one run shows its rule and another one does not. */
function runsOf(bug: Bug): Seen[] {
  const runs: Seen[] = [];
  for (let seed = 1; seed <= seeds && pairIn(runs, bug.rule)?.good === undefined; seed += 1) {
    const shown = runBug(bug, seed, false).findings.filter(
      ({ severity, rule }) => severity === 'error' || rule === bug.rule,
    );
    runs.push({ run: specFor(seed), shows: new Set(shown.map(({ rule }) => rule)) });
  }
  return runs;
}

function pairIn(runs: readonly Seen[], rule: RuleName): Pair | undefined {
  const pairs = runs
    .filter(({ shows }) => shows.has(rule))
    .map((bad): Pair => ({ rule, bad, good: runs.find((good) => isLike(good, bad, rule)) }));
  return pairs.find(({ good }) => good !== undefined) ?? pairs[0];
}

/** Whether a run is at fault for nothing that another one is not at fault for, and not by the rule. */
function isLike(good: Seen, bad: Seen, rule: RuleName): boolean {
  const timed = ({ run }: Seen): boolean => run.strategy === 'timed';
  return timed(good) === timed(bad) && [...good.shows].every((other) => other !== rule && bad.shows.has(other));
}

/** Tests of the bugs with numbers from `first` to `last`. */
export function testCauses(bugs: readonly Bug[], first: number, last: number): void {
  const some = bugs.filter(({ number }) => first <= number && number <= last);
  test.for(some)('$name', (bug) => {
    const { scenario, rule, number } = bug;
    const runs = runsOf(bug);
    const own = pairIn(runs, rule)!;
    const { after } = shrinkAndCheck(scenario, { ...own.bad.run, finding: rule }, { options: false });

    // Accesses that nothing orders are found in any order; what they do is a matter of it.
    const harm = own.good === undefined ? pairIn(runs, 'check') : undefined;
    const pair = harm?.good === undefined ? own : harm;
    const bad = { ...pair.bad.run, finding: pair.rule };
    if (always.has(number)) {
      expect([after.forced, pair.good]).toEqual([0, undefined]);
      expect(() => bisect(scenario, undefined, bad)).toThrow('no schedule that passes was found');
      return;
    }
    bisectAndCheck(scenario, undefined, bad);
    if (pair.good !== undefined) bisectAndCheck(scenario, pair.good.run, bad);
  });
}
