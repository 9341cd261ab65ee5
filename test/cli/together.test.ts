import { readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { test } from '../support-cli/folder.ts';
import { documentOf, sessionsOf } from '../support-cli/said.ts';

interface Recorded {
  readonly session: string;
  readonly seed: string;
  readonly digest: string;
}

/** The long one inserts on a thread of its own. */
const rounds = [['12'], ['12', '12'], ['12', '60', '12', '60']];

test.for(rounds)('processes that record into one new file at once all succeed, %o', async (each, { folder }) => {
  const started = each.map((count, seed) =>
    folder.start(
      'record',
      'async-done-right',
      '--json',
      '--seed',
      String(seed),
      '--set',
      `rounds=${count}`,
      '--db',
      'my.db',
    ),
  );
  const all = await Promise.all(started.map(({ ended }) => ended));
  for (const said of all) expect(said).toMatchObject({ code: 0, stderr: '' });
  const recorded = all.map((said) => documentOf(said) as Recorded);
  expect(new Set(recorded.map(({ session }) => session)).size).toBe(each.length);
  expect(readdirSync(folder.path).filter((name) => name.startsWith('my.db'))).toEqual(['my.db']);

  const listed = sessionsOf(folder.run('sessions', 'my.db', '--json'));
  expect(listed.map(({ outcome }) => outcome)).toEqual(each.map(() => 'passed'));
  for (const { session, seed, digest } of recorded) {
    expect(documentOf(folder.run('replay', session, '--json'))).toMatchObject({ result: 'identical', digest });
    const again = documentOf(
      folder.run(
        'record',
        'async-done-right',
        '--json',
        '--seed',
        seed,
        '--set',
        `rounds=${each[Number(seed)]!}`,
        '--no-store',
      ),
    );
    expect(again).toMatchObject({ digest });
  }
});
