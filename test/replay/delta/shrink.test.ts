import { describe, expect, test } from 'vitest';
import { record, shrink, type RunToTest, type Scenario } from '../../../index.ts';
import { bugFiles, bugScenario } from '../../support/bugs.ts';
import { trialsOf, tryRun } from '../../../replay/delta/run-to-test.ts';
import { switchesWish } from '../../../scheduler/wishes.ts';
import race from '../../../examples/late-write-race.ts';
import { doubleFree, lockOrder, lostUpdate, racy, twoWindows } from '../../support/racy.ts';
import { seedThat } from '../../support/seeds.ts';

/** Shrinks, and holds the result against executions of its own: it fails, and without any one switch it does not. */
function shrinkAndCheck(
  scenario: Scenario,
  run: RunToTest,
  options: Parameters<typeof shrink>[2] = {},
): ReturnType<typeof shrink> {
  const shrunk = shrink(scenario, run, options);
  const { schedule, set, before, after } = shrunk;
  expect(shrunk.minimal).toBe(true);
  expect(after.forced).toBeLessThanOrEqual(before.forced);
  expect(shrunk.turns).toHaveLength(after.forced);

  const again = record(scenario, { ...run, schedule, set });
  expect(again).toMatchObject({ outcome: 'failed', digest: shrunk.recording.digest });

  const trials = trialsOf(scenario, { ...run, schedule, set });
  const small = tryRun(trials, scenario, { ...run, schedule });
  trials.pursue(small, shrunk.finding);
  expect(small.switches).toHaveLength(after.forced);
  for (const one of small.switches) {
    const without = small.switches.filter((other) => other !== one);
    expect(trials.run(switchesWish(without), { whole: true }).verdict).not.toBe('fail');
  }
  return shrunk;
}

describe('a shrunk schedule still fails and is 1-minimal', () => {
  test.for(racy.map((scenario) => [scenario.title, scenario] as const))('%s', ([, scenario]) => {
    shrinkAndCheck(scenario, { seed: seedThat('failed', scenario)! });
  });

  test('the late write', () => {
    const { before, after, set } = shrinkAndCheck(race, { seed: 1 });
    expect(before.contextSwitches).toBeGreaterThan(200);
    expect(after.contextSwitches).toBeLessThan(60);
    expect(set).toEqual({ size: 8_192 }); // with 4096 bytes or less there is no descriptor, and it does not fail so
  });

  test('under the timed strategy', () => {
    shrinkAndCheck(race, { seed: seedThat('failed', race, { strategy: 'timed' })!, strategy: 'timed' });
  });
});

describe('of the bugs, those that show themselves under an early seed', () => {
  test.for(bugFiles)('%s', async (file) => {
    const scenario = await bugScenario(file);
    const seed = seedThat('failed', scenario, { seeds: 5 });
    if (seed !== undefined) shrinkAndCheck(scenario, { seed, maxSteps: 200_000 }, { options: false });
  });
});

describe('what is left', () => {
  test.for([
    ['a lost update: one thread comes between the load and the store of the other', lostUpdate, 1],
    ['two locks: one thread comes between the two locks of the other', lockOrder, 1],
    ['a double free: one thread comes between the look and the free of the other', doubleFree, 2],
    ['two windows: out and back in again', twoWindows, 3],
  ] as const)('%s', ([, scenario, switches]) => {
    expect(shrink(scenario, { seed: seedThat('failed', scenario)! }).after.forced).toBeLessThanOrEqual(switches);
  });

  test('is told with who gives way to whom, and where', () => {
    const { turns } = shrink(lostUpdate, { seed: seedThat('failed', lostUpdate)! });
    expect(turns).toMatchObject([
      { from: 'app:a', before: { text: /store 4 bytes/ }, to: { actor: 'app:b', text: /load/ } },
    ]);
  });
});

describe('what cannot be shrunk', () => {
  test('a run that does not fail', () => {
    expect(() => shrink(lostUpdate, { strategy: 'timed' })).toThrow('the run does not fail');
  });

  test('with too few tests the result fails all the same, and says that it may not be minimal', () => {
    const run = { seed: 1 };
    const { schedule, minimal, tests, set } = shrink(race, run, { tests: 3, options: false });
    expect(minimal).toBe(false);
    expect(tests).toBeLessThanOrEqual(3 + 1); // and one to tell it
    expect(record(race, { ...run, schedule, set }).outcome).toBe('failed');
  });
});
