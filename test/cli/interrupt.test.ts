import { existsSync, readdirSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { test, type Folder, type Started } from '../support-cli/folder.ts';
import { documentOf, expectFine, sessionsOf } from '../support-cli/said.ts';

/** More events than are made before a signal comes. */
const endless = ['record', 'async-done-right', '--set', 'rounds=100000', '--max-steps', '1000000000', '--db', 'my.db'];
/** Bytes of write-ahead log after which something has been committed: before a thread of its own inserts, and after. */
const early = 300_000;
const late = 3_000_000;

/** Starts a recording and waits until its write-ahead log has that many bytes. */
async function recordingOf(folder: Folder, bytes: number): Promise<Started> {
  const started = folder.start(...endless);
  const log = folder.at('my.db-wal');
  while (!existsSync(log) || statSync(log).size < bytes) {
    if (started.process.exitCode !== null) throw new Error(`ended early: ${(await started.ended).stderr}`);
    await sleep(5);
  }
  return started;
}

/** The session is readable, marked interrupted, and replays up to where it was interrupted. */
function expectInterrupted(folder: Folder): { events: number; digest: string } {
  const [session] = sessionsOf(folder.run('sessions', 'my.db', '--json'));
  expect(session).toMatchObject({ id: 1, outcome: 'interrupted' });
  const { events, digest } = session!;
  expect(events).toBeGreaterThan(1_000);

  const last = documentOf(folder.run('show', 'my.db#1', '--json', '--from', String(events - 2)));
  expect(last).toMatchObject({ events: [{ seq: events - 2 }, { seq: events - 1 }] });
  expect(folder.run('show', 'my.db#1', '--at', String(events - 1)).code).toBe(0);

  const replayed = folder.run('replay', 'my.db#1', '--json');
  expect(replayed.code).toBe(0);
  expect(documentOf(replayed)).toMatchObject({
    result: 'identical',
    events,
    digest,
    interrupted: true,
    divergence: null,
  });
  return { events, digest };
}

/** Another session can be recorded into the file, which is then one file again but for what seeks keep beside it; the first stays as it was. */
function expectUsable(folder: Folder): void {
  expectFine(folder.run('record', 'late-write', '--db', 'my.db'));
  expect(readdirSync(folder.path).filter((name) => /^my\.db(?!-checkpoints)/.test(name))).toEqual(['my.db']);
  expect(sessionsOf(folder.run('sessions', 'my.db', '--json')).map(({ outcome }) => outcome)).toEqual([
    'interrupted',
    'passed',
  ]);
  const replayed = folder.run('replay', 'my.db#2');
  expectFine(replayed);
  expect(replayed.stdout).toContain('identical in all');
}

const stops: [signal: 'SIGINT' | 'SIGTERM', bytes: number][] = [
  ['SIGINT', early],
  ['SIGINT', late],
  ['SIGTERM', early],
];
test.for(stops)(
  '%s ends a recording with exit code 130, and nothing is lost, after %i bytes',
  async ([signal, bytes], { folder }) => {
    const { process: child, ended } = await recordingOf(folder, bytes);
    child.kill(signal);
    const said = await ended;
    expect(said).toMatchObject({ code: 130, stderr: '' });
    expect(said.stdout).toMatch(/outcome {3}interrupted/);
    expect(readdirSync(folder.path).filter((name) => /^my\.db(?!-checkpoints)/.test(name))).toEqual(['my.db']);
    const { digest } = expectInterrupted(folder);
    expect(said.stdout).toContain(digest);
    expectUsable(folder);
  },
);

test.for([early, late])('kill -9 loses nothing that was committed, after %i bytes', async (bytes, { folder }) => {
  const { process: child, ended } = await recordingOf(folder, bytes);
  child.kill('SIGKILL');
  expect(await ended).toMatchObject({ code: null, stdout: '' });
  const { events } = expectInterrupted(folder);
  expect(events % 4_000).toBe(0); // whole transactions
  expectUsable(folder);
  expect(documentOf(folder.run('replay', 'my.db#1', '--json'))).toMatchObject({ result: 'identical', events });
});

test('a second recording into the file of one that goes on does not disturb it', async ({ folder }) => {
  const { process: child, ended } = await recordingOf(folder, early);
  expectFine(folder.run('record', 'late-write', '--db', 'my.db'));
  expect(child.exitCode).toBeNull();
  expectFine(folder.run('replay', 'my.db#2'));
  child.kill('SIGINT');
  expect((await ended).code).toBe(130);
  expect(folder.run('replay', 'my.db#1').stdout).toMatch(
    /identical in all [\d,]+ events, where the recording was interrupted/,
  );
});

test('a session can be read while it is being recorded', async ({ folder }) => {
  const { process: child, ended } = await recordingOf(folder, early);
  const [session] = sessionsOf(folder.run('sessions', 'my.db', '--json'));
  expect(session).toMatchObject({ outcome: 'interrupted' });
  expect(folder.run('show', 'my.db#1', '--from', String(session!.events - 1)).stdout).toMatch(/^\s*\d+ /);
  expect(child.exitCode).toBeNull();
  child.kill('SIGINT');
  expect((await ended).code).toBe(130);
});
