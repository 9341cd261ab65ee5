import { expect } from 'vitest';
import { record } from '../../index.ts';
import lateWriteRace from '../../examples/late-write-race.ts';
import { test, type Folder } from '../support-cli/folder.ts';
import { documentOf } from '../support-cli/said.ts';
import { scenarioText } from '../support-cli/scenario-text.ts';

function digestOf(folder: Folder, ...args: string[]): unknown {
  return (documentOf(folder.run('record', 'late-write-race', '--json', ...args)) as { digest: string }).digest;
}

test.for(['random', 'timed', 'round-robin'])(
  'two processes and the library record the same, strategy %s',
  (strategy, { folder }) => {
    const args = ['--seed', '11', '--strategy', strategy];
    const first = digestOf(folder, ...args);
    expect(digestOf(folder, ...args)).toBe(first);
    expect(digestOf(folder, ...args, '--no-store')).toBe(first);
    expect(record(lateWriteRace, { seed: 11, strategy }).digest).toBe(first);
  },
);

test.for(['random', 'timed'])('another seed is another schedule, strategy %s', (strategy, { folder }) => {
  const digests = ['11', '12', 'eleven', ''].map((seed) => digestOf(folder, '--seed', seed, '--strategy', strategy));
  expect(new Set(digests).size).toBe(digests.length);
});

test('neither the time zone, the language nor the memory of the machine shows in a digest', ({ folder }) => {
  const first = digestOf(folder);
  const variables = {
    TZ: 'Asia/Kathmandu',
    LANG: 'tr_TR.UTF-8',
    LC_ALL: 'tr_TR.UTF-8',
    NODE_OPTIONS: '--max-old-space-size=300',
  };
  const said = folder.runWith(variables, 'record', 'late-write-race', '--json');
  expect(documentOf(said)).toMatchObject({ digest: first });
});

test('where a scenario lies does not show in a digest', ({ folder }) => {
  folder.write('mine.mjs', scenarioText({ body: "yield* app.malloc(5); throw new Error('here');" }));
  const here = documentOf(folder.run('record', 'mine.mjs', '--json', '--no-store')) as { digest: string };
  const there = documentOf(folder.run('record', folder.at('mine.mjs'), '--json', '--no-store')) as { digest: string };
  expect(there.digest).toBe(here.digest);
});
