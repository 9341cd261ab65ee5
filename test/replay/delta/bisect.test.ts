import { describe, expect, test } from 'vitest';
import { bisect, record, type RunToTest, type Scenario } from '../../../index.ts';
import { trialsOf, tryRun } from '../../../replay/delta/run-to-test.ts';
import { ScheduleWriter, decisionsOf, formatSchedule, parseSchedule } from '../../../scheduler/schedule.ts';
import { decisionsWish, randomWishes } from '../../../scheduler/wishes.ts';
import race from '../../../examples/late-write-race.ts';
import { bisectAndCheck } from '../../support/delta.ts';
import { doubleFree, lockOrder, lostUpdate, racy, twoWindows } from '../../support/racy.ts';
import { seedThat } from '../../support/seeds.ts';

/** Decisions with the two adjacent ones swapped whose events are `seq` and the next. */
function swapped(scenario: Scenario, run: RunToTest, schedule: string, seq: number): string {
  const decisions = [...decisionsOf(parseSchedule(schedule))];
  /** By decision: the number of the event that follows it. */
  const events: number[] = [];
  let event = 0;
  const trials = trialsOf(scenario, run);
  const recorded = decisionsWish(decisions.values());
  trials.run(
    {
      choose(candidates, count, steering) {
        events.push(event);
        return recorded.choose(candidates, count, steering);
      },
    },
    { whole: true, watch: () => void (event += 1) },
  );
  const index = events.indexOf(seq);
  expect(events[index + 1]).toBe(seq + 1);
  [decisions[index], decisions[index + 1]] = [decisions[index + 1]!, decisions[index]!];
  const writer = new ScheduleWriter();
  for (const actor of decisions) writer.push(actor);
  return formatSchedule(writer.take());
}

describe('the late write', () => {
  const [good, bad] = [{ seed: seedThat('passed', race)! }, { seed: seedThat('failed', race)! }];

  test('comes down to one store and one beat of the same bytes', () => {
    const found = bisectAndCheck(race, good, bad);
    const [{ first, second }] = found.reorderings as [(typeof found.reorderings)[0]];
    const [, from] = /^app:main store #\d+ \(bytes (0x[\da-f]+)\.\.0x[\da-f]+\)$/.exec(first.name)!;
    const [, beat] = /^beat (\d+) of request 1$/.exec(second.name)!;
    expect(Number(from) % 16_384).toBe(Number(beat) * 64);
    expect(found.differing).toBeGreaterThan(100);
    expect(found.tests).toBeLessThanOrEqual(50);
    // In the good run they come in the other order, too.
    expect(first.bad!).toBeLessThan(second.bad!);
    expect(second.good!).toBeLessThan(first.good!);
  });

  test('swapping just these two by hand flips the outcome, both ways', () => {
    const { reorderings, passingSchedule, failingSchedule } = bisect(race, good, bad);
    const [{ first, second }] = reorderings as [(typeof reorderings)[0]];
    const outcome = (schedule: string): string => record(race, { ...bad, schedule }).outcome;
    expect(outcome(failingSchedule)).toBe('failed');
    expect(outcome(swapped(race, bad, failingSchedule, first.failing!))).toBe('passed');
    expect(outcome(swapped(race, bad, passingSchedule, second.passing!))).toBe('failed');
  });

  test('names a store and a beat of the same bytes, whichever channel and tag moved them', () => {
    const runs = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((seed) => [{ seed }, { seed, strategy: 'timed' }]);
    const passing = runs.filter((run) => record(race, run).outcome === 'passed');
    const failing = runs.filter((run) => record(race, run).outcome === 'failed');
    expect([passing.length, failing.length].every((count) => count > 2)).toBe(true);
    for (const from of passing.slice(0, 2)) {
      for (const to of failing.slice(0, 2)) {
        const { sentence, tests } = bisect(race, from, to);
        expect(sentence).toMatch(/app:main store #\d+ \(bytes .*\) runs before beat \d+ of request 1$/);
        expect(tests).toBeLessThanOrEqual(50);
      }
    }
  });

  test('under the timed strategy, too', () => {
    const timed = (outcome: 'passed' | 'failed'): RunToTest => ({
      seed: seedThat(outcome, race, { strategy: 'timed' })!,
      strategy: 'timed',
    });
    bisectAndCheck(race, timed('passed'), timed('failed'));
  });
});

describe('small scenarios', () => {
  const cases = racy.flatMap((scenario) => [
    [scenario.title, 'from a good and a bad run', scenario, true] as const,
    [scenario.title, 'from a bad run alone', scenario, false] as const,
  ]);
  test.for(cases)('%s, %s', ([, , scenario, withGood]) => {
    const bad = { seed: seedThat('failed', scenario)! };
    const good = withGood ? { seed: seedThat('passed', scenario)! } : undefined;
    bisectAndCheck(scenario, good, bad);
  });

  test.for([
    [
      'a lost update: the load of one thread before the store of the other',
      lostUpdate,
      /^app:([ab]) load #0 .*before app:(?!\1)[ab] store #0/,
    ],
    [
      'two locks: each thread has one before the other takes its second',
      lockOrder,
      /^app:([ab]): lock mutex #\d+ runs before app:(?!\1)[ab]: lock mutex/,
    ],
    ['a double free: a look before the other free', doubleFree, /^app:([ab]): .* before app:(?!\1)[ab]: free /],
    [
      'two windows: a store against a load',
      twoWindows,
      /writer store .* before app:reader load|reader load .* before app:writer store/,
    ],
  ] as const)('%s', ([, scenario, says]) => {
    const { sentence } = bisect(scenario, undefined, { seed: seedThat('failed', scenario)! });
    expect(sentence.replace('fails if and only if ', '')).toMatch(says);
  });

  test('any two runs of opposite outcome come to a pair', () => {
    for (const scenario of racy) {
      const bad = { seed: seedThat('failed', scenario)! };
      const trials = trialsOf(scenario, bad);
      trials.pursue(tryRun(trials, scenario, bad));
      const runs = [...randomWishes('any', 30)].map((wish) => trials.run(wish, { whole: true }));
      const passing = runs.filter(({ verdict }) => verdict === 'pass').slice(0, 3);
      const failing = runs.filter(({ verdict }) => verdict === 'fail').slice(0, 3);
      for (const { schedule: good } of passing) {
        for (const { schedule } of failing) {
          const run = { ...bad, schedule };
          bisectAndCheck(scenario, { ...bad, schedule: good }, run);
        }
      }
    }
  });
});

describe('what cannot be bisected', () => {
  const [good, bad] = [{ seed: seedThat('passed', lostUpdate)! }, { seed: seedThat('failed', lostUpdate)! }];

  test('a bad run that passes, a good run that fails', () => {
    expect(() => bisect(lostUpdate, good, good)).toThrow('the run does not fail');
    expect(() => bisect(lostUpdate, bad, bad)).toThrow('the good run does not pass');
  });

  test('with too few tests it says that it came to no pair, and the runs still differ in outcome', () => {
    const { sentence, passing, failing, tests } = bisect(
      race,
      { seed: seedThat('passed', race)! },
      { seed: seedThat('failed', race)! },
      { tests: 5 },
    );
    expect(sentence).toMatch(
      /^fails with \d+ or more pairs of steps in the other order, and no closer runs were found/,
    );
    expect([passing.outcome, failing.outcome]).toEqual(['passed', 'failed']);
    expect(tests).toBeLessThanOrEqual(5 + 2);
  });
});
