/** Exploring: what each search goes through, how failures are grouped, and how one comes back to them. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import doneRight from '../../../examples/async-done-right.ts';
import race from '../../../examples/late-write-race.ts';
import {
  explore,
  open,
  record,
  scenario,
  type Exploration,
  type ExploreOptions,
  type Program,
} from '../../../index.ts';
import { lostUpdate, threadsOf } from '../../support/programs.ts';

const sampling = ['random', 'pos', 'pct', 'timed'];

describe('sampling', () => {
  test('finds the lost update, and counts the four traces that there are', () => {
    for (const strategy of ['random', 'pos', 'pct']) {
      const { failures, traces, ending, executions } = explore(lostUpdate, { strategy, runs: 300 });
      expect(failures.map(({ rule, message }) => `${rule}: ${message}`)).toEqual(['check: the sum is 1']);
      expect({ strategy, traces, ending, executions }).toEqual({
        strategy,
        traces: 4,
        ending: 'runs',
        executions: 300,
      });
    }
  });

  test('is the same every time', () => {
    for (const strategy of sampling) {
      const once = explore(lostUpdate, { strategy, runs: 50, seed: 9 });
      expect(explore(lostUpdate, { strategy, runs: 50, seed: 9 })).toEqual(once);
    }
  });

  test('execution n is what record does with a seed n higher', () => {
    for (const strategy of ['random', 'pos', 'timed']) {
      const { failures } = explore(lostUpdate, { strategy, runs: 60, seed: 100 });
      const failing = Array.from({ length: 60 }, (_, n) => 100 + n).filter(
        (seed) => record(lostUpdate, { strategy, seed }).outcome === 'failed',
      );
      expect(failures.map(({ count }) => count)).toEqual(failing.length === 0 ? [] : [failing.length]);
      if (failing.length > 0) expect(failures[0]!.seed).toBe(String(failing[0]));
    }
  });
});

describe('depth-first', () => {
  test('goes through everything and says so', () => {
    const { executions, traces, ending, failures } = explore(lostUpdate, { strategy: 'depth-first' });
    expect({ executions, traces, ending }).toEqual({ executions: 69, traces: 4, ending: 'everything' });
    expect(failures.map(({ count }) => count)).toEqual([30]);
  });

  test('tells a bound that was hit from having explored everything', () => {
    expect(explore(lostUpdate, { strategy: 'depth-first', runs: 69 }).ending).toBe('runs');
    expect(explore(lostUpdate, { strategy: 'depth-first', runs: 70 }).ending).toBe('everything');
  });

  test('without a preemption, nothing is lost; with one, the update is', () => {
    const none = explore(lostUpdate, { strategy: 'preemptions', bound: 0 });
    expect(none).toMatchObject({ failures: [], ending: 'all-within-bound' });
    const one = explore(lostUpdate, { strategy: 'preemptions', bound: 1 });
    expect(one.failures).toHaveLength(1);
    expect(one.executions).toBeLessThan(69);
  });

  test('without a delay there is one schedule', () => {
    const { executions, ending } = explore(lostUpdate, { strategy: 'delays', bound: 0 });
    expect({ executions, ending }).toEqual({ executions: 1, ending: 'all-within-bound' });
  });

  test('an execution that is cut is counted, and is no failure', () => {
    const spinning = threadsOf(1, (app, word) => [
      function* (): Program {
        while ((yield* app.load32(word(0))) === 0);
      },
      function* (): Program {
        yield* app.store32(word(0), 1);
      },
    ]);
    const { cut, failures, ending } = explore(spinning, { strategy: 'depth-first', maxSteps: 22 });
    expect(cut).toBeGreaterThan(0);
    expect({ failures, ending }).toEqual({ failures: [], ending: 'all-within-bound' });
  });
});

test('with nothing to choose, one execution is all there is', () => {
  const alone = threadsOf(1, () => []);
  for (const strategy of ['random', 'depth-first']) {
    const { decisions, executions, ending } = explore(alone, { strategy });
    expect({ decisions, executions, ending }).toEqual({ decisions: 0, executions: 1, ending: 'everything' });
  }
});

test('failures are grouped by cause, not by the numbers in their messages', () => {
  const counted = threadsOf(
    1,
    (app, word) => {
      function* increment(): Program {
        yield* app.store32(word(0), (yield* app.load32(word(0))) + 1);
      }
      return [increment, increment, increment];
    },
    ([sum]) => (sum === 3 ? undefined : `the sum is ${sum}`),
  );
  const { failures } = explore(counted, { runs: 400 });
  expect(failures.map(({ rule }) => rule)).toEqual(['check']);
  expect(failures[0]!.count).toBeGreaterThan(100);
});

test('the search can end with the first failure', () => {
  const { ending, executions, failures } = explore(lostUpdate, { stopAtFirst: true });
  expect(ending).toBe('first-failure');
  expect(failures.map(({ run, count }) => ({ run, count }))).toEqual([{ run: executions - 1, count: 1 }]);
});

test('a failure is recorded at once, and its schedule shows it again', () => {
  const db = join(mkdtempSync(join(tmpdir(), 'dextrace-')), 'explored.db');
  for (const strategy of [...sampling.slice(0, 3), 'depth-first', 'preemptions']) {
    const [failure] = explore(lostUpdate, { strategy, db, runs: 200 }).failures;
    const session = open(failure!.session!);
    expect(session.findings().map(({ rule, message }) => `${rule}: ${message}`)).toEqual(['check: the sum is 1']);
    expect(session.schedule()).toBe(failure!.schedule);
    session.close();
    const { findings } = record(lostUpdate, { seed: failure!.seed, schedule: failure!.schedule });
    expect(findings.map(({ message }) => message)).toEqual([failure!.message]);
  }
});

test('a scenario without dext and device is a program of app threads; a dext alone is refused', () => {
  const alone = scenario({
    title: 'alone',
    *app(app) {
      return yield* app.malloc(16);
    },
  });
  expect(record(alone).findings).toEqual([]);
  expect(() => record(scenario({ title: 'half', dext: () => null as never, *app() {} }))).toThrow(
    'the scenario "half" has a dext but no device to start it on',
  );
});

test('a search that there is not is said in one line', () => {
  expect(() => explore(lostUpdate, { strategy: 'magic' })).toThrow(/^there is no search "magic"; there are: random, /);
  expect(() => explore(lostUpdate, { set: { size: 1 } })).toThrow(/^there is no option "size"/);
});

describe('failures that are stored run first the next time', () => {
  const again = (db: string, file: string, options: ExploreOptions = {}): Exploration['again'] =>
    explore(race, { db, source: { file, version: '' }, runs: 1, seed: 99, ...options }).again;

  test('by whatever rule they were found, also by one that is not asked for any more', () => {
    const db = join(mkdtempSync(join(tmpdir(), 'dextrace-')), 'races.db');
    const source = { file: 'race', version: '' };
    const { failures } = explore(race, { db, source, rules: ['late-write'], runs: 3 });
    expect(failures.map(({ rule }) => rule)).toContain('late-write');
    const sessions = new Set(failures.map(({ session }) => session)).size;
    expect(again(db, 'race', { rules: [] })).toEqual({ failed: sessions, passed: 0, unfit: 0 });
    expect(again(db, 'another')).toEqual({ failed: 0, passed: 0, unfit: 0 });
  });

  test('with the faults that they had', () => {
    const db = join(mkdtempSync(join(tmpdir(), 'dextrace-')), 'faults.db');
    const source = { file: 'done', version: '' };
    const set = { faults: 'lost-interrupt', size: 4_200, rounds: 1 };
    const { failures } = explore(doneRight, { db, source, set, stopAtFirst: true });
    expect(failures.map(({ rule }) => rule)).toContain('completion-lost');
    const next = explore(doneRight, { db, source, runs: 1 });
    expect(next.again).toEqual({ failed: 1, passed: 0, unfit: 0 });
    const first = next.failures.find(({ rule }) => rule === 'completion-lost');
    expect(first).toMatchObject({ set, run: undefined, count: 1 });
  });
});
