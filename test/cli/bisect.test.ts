import { describe, expect } from 'vitest';
import { test, type Folder } from '../support-cli/folder.ts';
import { query } from '../support-cli/shell.ts';
import { scenarioText } from '../support-cli/scenario-text.ts';
import unmap from '../../examples/bugs/08-use-after-unmap.ts';
import race from '../../examples/late-write-race.ts';
import { record } from '../../index.ts';
import { seedThat } from '../support/seeds.ts';
import { documentOf, expectFine, expectRefusal } from '../support-cli/said.ts';

interface Found {
  readonly sentence: string;
  readonly tests: number;
  readonly passing: string;
  readonly failing: string;
  readonly again: string;
}

const [good, bad] = [String(seedThat('passed', race)), String(seedThat('failed', race))];

/** A good and a bad session of the late write: `#1` and `#2`. */
function twoRuns(folder: Folder): void {
  expectFine(folder.run('record', 'late-write-race', '--seed', good));
  expect(folder.run('record', 'late-write-race', '--seed', bad).code).toBe(1);
}

const says =
  /^fails if and only if app:main store #\d+ \(bytes 0x[\da-f]+\.\.0x[\da-f]+\) runs before beat \d+ of request 1$/;

describe('dextrace bisect', () => {
  test('GOOD BAD: ends in a sentence, and two sessions that differ in nothing else', ({ folder }) => {
    twoRuns(folder);
    const found = documentOf(folder.run('bisect', '#1', '#2', '--json')) as Found;
    expect(found).toMatchObject({ good: 'dextrace.db#1', bad: 'dextrace.db#2' });
    expect(found.sentence).toMatch(says);
    expect(found.tests).toBeLessThanOrEqual(50);
    expect([found.passing, found.failing]).toEqual(['dextrace.db#3', 'dextrace.db#4']);
    for (const session of [found.passing, found.failing]) expectFine(folder.run('replay', session));
    const again = folder.run(...found.again.replace('dextrace ', '').split(' '), '--no-store');
    expect(again.code).toBe(1);
  });

  test('BAD alone, as text', ({ folder }) => {
    const said = folder.run('bisect', 'late-write-race', '--seed', bad, '--no-store');
    expectFine(said);
    expect(said.stdout).toMatch(/ {2}good {6}the nearest that was found\n/);
    expect(said.stdout).toMatch(/\nfails if and only if app:main store .* runs before beat/);
    expect(said.stdout).toMatch(/ {2}tests {5}\d+\n/);
  });

  test('what does not fit is refused in one line', ({ folder }) => {
    twoRuns(folder);
    expectFine(folder.run('record', 'async-done-right'));
    expectRefusal(folder.run('bisect', '#2', '#2'), /dextrace\.db#2 does not pass/);
    expectRefusal(folder.run('bisect', '#1', '#1'), /dextrace\.db#1 does not fail/);
    expectRefusal(folder.run('bisect', '#3', '#2'), /#3 and .*#2 are sessions of different scenarios/);
    expectRefusal(folder.run('bisect', '#1'), /the run does not fail/);
    expectRefusal(folder.run('bisect', '#1', '#2', '--finding', 'late-write'), /the good run shows late-write too/);
    for (const args of [
      ['#1', '#2'],
      ['--time', '#2', '--check'],
      ['--vary', 'size', '#2'],
    ])
      expectRefusal(folder.run('bisect', ...args, '--seed', '3'), /--seed says how to run a scenario/);
    expectRefusal(folder.run('bisect', '#2', '--finding', 'deadlock'), /the run does not fail by deadlock/);
    expectRefusal(folder.run('bisect', '#1', '#2', '#3'), /give a good and a bad session/);
    expectRefusal(folder.run('bisect', '#1', '#9'), /has no session #9/);
  });

  test('sessions of different options are refused in one line, which says what differs', ({ folder }) => {
    expectFine(folder.run('record', 'late-write-race', '--seed', good));
    const wide = ['--set', 'machine.beat=32', '--set', 'size=8192'];
    expect(folder.run('record', 'late-write-race', '--seed', bad, ...wide).code).toBe(1);
    expectRefusal(
      folder.run('bisect', '#1', '#2'),
      /of different options \(machine\.beat is its default in dextrace\.db#1, 32 in dextrace\.db#2; size is its default in .*, 8192 in /,
    );
  });

  test('a finding by name: what makes it show, in runs that fail otherwise all the same', ({ folder }) => {
    const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
    const shows = (seed: number): boolean =>
      record(unmap, { seed, strategy: 'pct' }).findings.some(({ rule }) => rule === 'use-after-unmap');
    for (const seed of [seeds.find((one) => !shows(one)), seeds.find(shows)]) {
      const args = ['bugs/08-use-after-unmap', '--strategy', 'pct', '--seed', String(seed)];
      expect(folder.run('record', ...args).code).toBe(1);
    }
    const said = folder.run('bisect', '#1', '#2', '--finding', 'use-after-unmap', '--no-store');
    expectFine(said);
    expect(said.stdout).toMatch(
      /\nshows use-after-unmap if and only if app:main: unmap .* runs before beat \d+ of request 1\n/,
    );
  });

  test('a session of another version of the model cannot be judged', ({ folder }) => {
    twoRuns(folder);
    query(folder.at('dextrace.db'), 'UPDATE sessions SET model_version = 99');
    for (const args of [
      ['bisect', '#1', '#2'],
      ['bisect', '#2'],
      ['shrink', '#2'],
    ]) {
      const said = folder.run(...args);
      expect(said).toMatchObject({ code: 125, stdout: '' });
      expect(said.stderr).toMatch(/recorded by model version 99/);
    }
  });
});

describe('dextrace bisect --time', () => {
  test('the store that brings bytes, the event after which the check fails, a finding, an expression', ({ folder }) => {
    twoRuns(folder);
    const time = (...args: string[]): string => {
      const said = folder.run('bisect', '--time', '#2', ...args);
      expectFine(said);
      return said.stdout;
    };
    expect(time('--at-address', 'app:0x104000940=55')).toMatch(/^turns at event \d+, by app:main: memory\.fill /);
    expect(time('--check')).toMatch(/^turns at event \d+, by link:tag\d: dma\.read /);
    expect(time('--finding', 'late-write')).toMatch(/late-write: nothing orders/);
    expect(time('--when', 'world.devices.size > 0')).toMatch(/by boot: device\.create /);
  });

  test('needs one question, about a session', ({ folder }) => {
    twoRuns(folder);
    expectRefusal(folder.run('bisect', '--time', '#2'), /needs one of --check/);
    expectRefusal(folder.run('bisect', '--time', '#2', '--check', '--when', 'true'), /needs one of --check/);
    expectRefusal(folder.run('bisect', '--time', '#2', '--when', 'world.'), /the expression/);
    expectRefusal(folder.run('bisect', '--time', '#2', '--when', 'false'), /does not hold/);
    expectRefusal(folder.run('bisect', '--time', '#2', '--finding', 'nonsense'), /there is no rule "nonsense"/);
    expectRefusal(folder.run('bisect', '--time', '#2', '--finding', 'deadlock'), /deadlock finds nothing/);
    expectRefusal(folder.run('bisect', '--time', '#2', '--at-address', '12'), /names no bytes/);
  });
});

describe('dextrace bisect --vary', () => {
  test('a finding by name', ({ folder }) => {
    const said = folder.run('bisect', '--vary', 'machine.beat=64,128', 'late-write-race', '--finding', 'late-write');
    expectFine(said);
    expect(said.stdout).toMatch(/machine\.beat=128 {2}failed: late-write\n/);
  });

  test('a switch with few values: all are tried', ({ folder }) => {
    const said = folder.run('bisect', '--vary', 'machine.pageSize', 'late-write-race');
    expectFine(said);
    expect(said.stdout).toMatch(/machine\.pageSize=4096 {2}\w+.*\n {2}machine\.pageSize=16384 {2}\w+/);
  });

  test('a number: halved down to two neighbours', ({ folder }) => {
    folder.write(
      'small.ts',
      scenarioText({ more: `check: (_end, { size }) => (size < 300 ? undefined : 'too much'),` }),
    );
    const said = folder.run('bisect', '--vary', 'size', 'small.ts', '--json');
    expect(documentOf(said)).toMatchObject({ option: 'size', threshold: { passes: 299, fails: 300 } });
  });

  test('what is no option or no range is refused in one line', ({ folder }) => {
    expectRefusal(folder.run('bisect', '--vary', 'nonsense', 'late-write-race'), /there is no option "nonsense"/);
    expectRefusal(folder.run('bisect', '--vary', 'size=9..3', 'late-write-race'), /a range goes from/);
    expectRefusal(folder.run('bisect', '--vary', 'size=big', 'late-write-race'), /must be a number/);
  });
});
