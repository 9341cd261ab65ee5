import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { test as plain, type Folder } from '../support-cli/folder.ts';
import { scenarioText } from '../support-cli/scenario-text.ts';
import { documentOf, expectRefusal, sessionsOf } from '../support-cli/said.ts';

const run = (...[command, ...args]: [string, ...string[]]): boolean => spawnSync(command, args).status === 0;

/** A disk of that many KiB. */
function mount(at: string, size: number): boolean {
  return run('mount', '-t', 'tmpfs', '-o', `size=${size}k`, 'tmpfs', at);
}

function canMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'dextrace-mount-'));
  try {
    return mount(at, 64) && run('umount', at);
  } finally {
    rmdirSync(at);
  }
}

/** In KiB: too small for the tables, full while recording, and full when a thread of its own inserts. */
const sizes = [64, 200, 500, 1_024, 3_000];

/** Copies are large in the file, fills are small: of what is on its way, a later piece may fit where an earlier one did not. */
const alternating = scenarioText({
  body: `
    const length = 256 * 1024;
    const from = yield* app.mmap(length);
    const to = yield* app.mmap(length);
    for (let round = 1; round <= 40; round += 1) {
      for (let i = 0; i < 3; i += 1) yield* app.memset(from, round, length);
      for (let i = 0; i < 3; i += 1) yield* app.memcpy(to, from, length);
    }
`,
});

const test = plain.extend<{ disk: (size: number) => string }>({
  disk: async ({ folder }, use) => {
    const at = folder.at('disk');
    mkdirSync(at);
    await use((size) => {
      if (!mount(at, size)) throw new Error(`cannot mount ${at}`);
      return at;
    });
    if (!run('umount', at)) throw new Error(`cannot unmount ${at}`);
    rmSync(at, { recursive: true });
  },
});

/** What was committed is there, marked interrupted, and replays up to there. */
function expectKept(folder: Folder, file: string, scenario: string): number {
  const [session] = sessionsOf(folder.run('sessions', file, '--json'));
  expect(session).toMatchObject({ id: 1, outcome: 'interrupted' });
  const { events, digest } = session!;
  const replayed = documentOf(folder.run('replay', file, '--scenario', scenario, '--json'));
  expect(replayed).toMatchObject({ result: 'identical', events, digest, interrupted: true });
  return events;
}

// To skip it is better than to fail where nobody may mount: CI containers without privileges.
describe.skipIf(!canMount())(
  'a disk that fills up while recording (skipped where mounting a tmpfs is not permitted)',
  () => {
    test.for(sizes)('of %i KiB: one line, and what was committed is kept', (size, { folder, disk }) => {
      const file = join(disk(size), 'my.db');
      const said = folder.run('record', 'async-done-right', '--set', 'rounds=250', '--db', file);
      expectRefusal(said, /my\.db: the disk is full; what was committed is kept/);
      // Less than this does not hold the tables.
      if (size >= 500) expect(expectKept(folder, file, 'async-done-right')).toBeGreaterThan(size >= 1_024 ? 10_000 : 0);
    });

    test.for([2_900, 3_100, 3_300, 3_500, 3_700])(
      'of %i KiB, and large and small batches: nothing is missing in between',
      (size, { folder, disk }) => {
        folder.write('my.mjs', alternating);
        const file = join(disk(size), 'my.db');
        expectRefusal(folder.run('record', 'my.mjs', '--db', file), /my\.db: the disk is full/);
        expect(expectKept(folder, file, 'my.mjs')).toBeGreaterThan(40_000);
      },
    );

    test('a recording that fits into what is left is whole', ({ folder, disk }) => {
      const file = join(disk(3_000), 'my.db');
      expect(folder.run('record', 'inline-copy', '--db', file).code).toBe(0);
      expect(folder.run('replay', file).stdout).toContain('identical in all');
    });

    test('the sessions recorded before stay whole', ({ folder, disk }) => {
      const file = join(disk(3_000), 'my.db');
      expect(folder.run('record', 'inline-copy', '--db', file).code).toBe(0);
      expectRefusal(folder.run('record', 'async-done-right', '--set', 'rounds=250', '--db', file), /the disk is full/);
      expect(sessionsOf(folder.run('sessions', file, '--json')).map(({ outcome }) => outcome)).toEqual([
        'passed',
        'interrupted',
      ]);
      for (const id of [1, 2]) expect(folder.run('replay', `${file}#${id}`).stdout).toContain('identical in all');
    });
  },
);
