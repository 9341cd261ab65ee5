import { describe, expect, test } from 'vitest';
import { faultsNamed } from '../../../core/faults.ts';
import { faultsIn } from '../../../core/scenario.ts';
import doneRight from '../../../examples/async-done-right.ts';
import { record, shrink, type Options, type RunToTest, type Scenario } from '../../../index.ts';
import race from '../../../examples/late-write-race.ts';
import { shrinkAndCheck } from '../../support/delta.ts';
import { doubleFree, lockOrder, lostUpdate, racy, twoWindows } from '../../support/racy.ts';
import { seedThat } from '../../support/seeds.ts';

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

describe('of two faults, the one that is not needed goes', () => {
  const failing = (scenario: Scenario, set: Options): RunToTest => {
    const lost = (seed: number): boolean =>
      record(scenario, { seed, set }).findings.some(({ rule }) => rule === 'completion-lost');
    return { seed: Array.from({ length: 100 }, (_, i) => i + 1).find(lost)!, set };
  };
  const struck = (schedule: string, set: Options): string[] => {
    const faults: string[] = [];
    record(doneRight, { schedule, set, onEvent: (event) => event.kind === 'fault.strike' && faults.push(event.fault) });
    return faults;
  };

  test.for(['memory-pressure,lost-interrupt', 'lost-interrupt,memory-pressure'])('asked for: %s', (faults) => {
    const { finding, set, schedule } = shrinkAndCheck(doneRight, failing(doneRight, { faults }));
    expect(finding).toBe('completion-lost');
    expect(set).toMatchObject({ faults: 'lost-interrupt', rounds: 1 });
    expect(struck(schedule, set)).toEqual(['lost-interrupt']);
  });

  test("the scenario's own", () => {
    const own = ['memory-pressure', 'lost-interrupt'] as const;
    const spoilt: Scenario = {
      ...doneRight,
      build: (set) => ({ ...doneRight.build(set), faults: faultsNamed(faultsIn(set) ?? own) }),
    };
    const { set, schedule } = shrinkAndCheck(spoilt, failing(spoilt, {}));
    expect(set).toMatchObject({ faults: 'lost-interrupt' });
    expect(struck(schedule, set)).toEqual(['lost-interrupt']);
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
