import { describe, expect } from 'vitest';
import { test, type Folder } from '../support-cli/folder.ts';
import { documentOf, expectFine, expectRefusal, sessionsOf } from '../support-cli/said.ts';

interface Recorded {
  readonly session: string;
  readonly digest: string;
  readonly again: string;
}

const recorded = (folder: Folder, ...args: string[]): Recorded =>
  documentOf(folder.run('record', 'late-write-race', '--json', ...args)) as Recorded;

const scheduleOf = (folder: Folder, session: string): string => {
  const said = folder.run('show', session, '--schedule');
  expectFine(said);
  return said.stdout.trim();
};

describe('a schedule that is pasted', () => {
  test.for([['random'], ['timed'], ['round-robin']])('gives the same run again, under %s', ([strategy], { folder }) => {
    const first = recorded(folder, '--seed', '5', '--strategy', strategy!);
    const schedule = scheduleOf(folder, first.session);
    expect(schedule).toMatch(/^s1\.[\w-]+$/);
    expect(documentOf(folder.run('show', first.session, '--schedule', '--json'))).toMatchObject({
      schema: 'dextrace.schedule/1',
      session: first.session,
      schedule,
    });

    const second = recorded(folder, '--seed', '5', '--strategy', strategy!, '--schedule', schedule);
    expect(second.digest).toBe(first.digest);
    expect(second.again).toContain(`--schedule ${schedule}`);
    expect(scheduleOf(folder, second.session)).toBe(schedule);
    expectFine(folder.run('replay', second.session));
  });

  test('needs no seed where nothing but picks is drawn', ({ folder }) => {
    const first = recorded(folder, '--seed', '5');
    expect(recorded(folder, '--seed', '6').digest).not.toBe(first.digest);
    expect(recorded(folder, '--seed', '6', '--schedule', scheduleOf(folder, first.session)).digest).toBe(first.digest);
  });

  test.for([
    ['nonsense', /"nonsense" is no schedule: it must start with "s1\."/],
    ['s1.a b', /is no schedule/],
    ['s1.BQ', /the schedule is cut short/],
  ] as const)('that is none is refused in one line: %s', ([text, says], { folder }) => {
    expectRefusal(folder.run('record', 'late-write-race', '--schedule', text), says);
    expect(folder.run('sessions').stderr).toMatch(/there is no such file/); // nothing was made
  });

  test('of another scenario, or of another size, is refused in one line', ({ folder }) => {
    const schedule = scheduleOf(folder, recorded(folder).session);
    expectRefusal(folder.run('record', 'inline-copy', '--schedule', schedule, '--no-store'), /schedule/);
    expectRefusal(
      folder.run('record', 'late-write-race', '--set', 'size=32KiB', '--schedule', schedule, '--no-store'),
      /schedule/,
    );
    expectRefusal(
      folder.run('record', 'late-write-race', '--schedule', schedule.slice(0, 40), '--db', 'part.db'),
      /schedule/,
    );
    expect(sessionsOf(folder.run('sessions', 'part.db', '--json'))).toMatchObject([{ outcome: 'interrupted' }]);
    expect(folder.run('replay', 'part.db').stdout).toMatch(
      /identical in all \d+ events, where the recording was interrupted/,
    );
  });
});
