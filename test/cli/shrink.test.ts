import { describe, expect } from 'vitest';
import { test, type Folder } from '../support-cli/folder.ts';
import { scenarioText } from '../support-cli/scenario-text.ts';
import { documentOf, expectFine, expectRefusal } from '../support-cli/said.ts';

interface Shrunk {
  readonly session: string | null;
  readonly again: string;
  readonly minimal: boolean;
  readonly after: { readonly forced: number };
  readonly schedule: string;
}

/** Two threads add one to a word without a lock. */
const lostUpdate = scenarioText({
  more: `check: ({ result }) => (result === 2 ? undefined : 'an update is lost'),`,
  body: `
    const word = yield* app.malloc(16);
    yield* app.store32(word, 0);
    function* add() {
      yield* app.store32(word, (yield* app.load32(word)) + 1);
    }
    const a = yield* app.pthread_create('a', add);
    const b = yield* app.pthread_create('b', add);
    yield* app.pthread_join(a);
    yield* app.pthread_join(b);
    return yield* app.load32(word);
  `,
});

const shrunk = (folder: Folder, ...args: string[]): Shrunk =>
  documentOf(folder.run('shrink', ...args, '--json')) as Shrunk;

describe('dextrace shrink', () => {
  test('a session: the small run is stored, replays, and is shown again by the command it prints', ({ folder }) => {
    folder.run('record', 'late-write-race');
    const { session, again, minimal, schedule } = shrunk(folder, '#1');
    expect(session).toBe('dextrace.db#2');
    expect(minimal).toBe(true);
    expectFine(folder.run('replay', session!));
    expect(folder.run('show', session!, '--schedule').stdout.trim()).toBe(schedule);
    const shown = folder.run(...again.replace('dextrace ', '').split(' '), '--no-store');
    expect(shown.code).toBe(1);
    expect(shown.stdout).toMatch(/check after event \d+: torn payload/);
  });

  test('a scenario under a seed, as text: what is left is a list to read', ({ folder }) => {
    folder.write('lost.ts', lostUpdate);
    const said = folder.run('shrink', 'lost.ts', '--seed', '1', '--no-options', '--no-store');
    expectFine(said);
    expect(said.stdout).toMatch(/ {2}switches {2}\d+ before, \d+ now\n/);
    expect(said.stdout).toMatch(
      / {2}event \d+ {2}app:b goes on for \d+ steps: .*\n {4}before event \d+, by app:a: store 4 bytes/,
    );
    expect(said.stdout).toMatch(/again: dextrace record lost\.ts --seed 1 --schedule s1\.\S+\n$/);
  });

  test('races can be what is looked for', ({ folder }) => {
    const { again } = shrunk(folder, 'late-write-race', '--races', '--no-store');
    expect(again).toMatch(/--races$/);
  });

  test('a finding that the session was not watched for can be what is looked for', ({ folder }) => {
    folder.run('record', 'late-write-race');
    const said = folder.run('shrink', '#1', '--finding', 'late-write', '--no-store');
    expectFine(said);
    expect(said.stdout).toMatch(/ {2}fails by {2}late-write\n/);
    expect(said.stdout).toMatch(/again: .* --races\n$/);
  });

  test('a session is run as it was recorded: flags that say otherwise are refused in one line', ({ folder }) => {
    folder.run('record', 'late-write-race');
    for (const [flag, ...value] of [
      ['--seed', '2'],
      ['--strategy', 'timed'],
      ['--schedule', 's1.BQE'],
      ['--set', 'size=8192'],
      ['--races'],
    ] as const) {
      const said = folder.run('shrink', '#1', flag, ...value);
      expectRefusal(said, new RegExp(`${flag} says how to run a scenario, but dextrace\\.db#1 is a session`));
    }
    expectRefusal(folder.run('shrink', 'late-write-race', '--scenario', 'x.ts'), /--scenario .* is a scenario/);
  });

  test('what does not fail, or is no run, is refused in one line', ({ folder }) => {
    expectRefusal(folder.run('shrink', 'async-done-right'), /the run does not fail/);
    expectRefusal(folder.run('shrink', 'async-done-right', '--tests', '0'), /--tests/);
    expectRefusal(folder.run('shrink', 'late-write-race', '--finding', 'x'), /there is no rule "x"/);
    expectRefusal(folder.run('shrink', '#1'), /no such file/);
    expectRefusal(folder.run('shrink', 'nonsense'), /no such scenario/);
    expectRefusal(folder.run('shrink', 'late-write-race', '--schedule', 's1.BQE'), /schedule does not fit/);
  });
});
