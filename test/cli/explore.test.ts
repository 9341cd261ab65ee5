/** `dextrace explore` and `dextrace merge`: what they say, and that a failure comes back by its line. */
import { describe, expect } from 'vitest';
import { test, type Folder } from '../support-cli/folder.ts';
import { documentOf, expectFine, expectRefusal } from '../support-cli/said.ts';

/** Two threads that each add one, without a lock; `--set locked=true` gives them one. */
const lost = `import { scenario } from 'dextrace';
export default scenario({
  title: 'A lost update',
  options: { locked: false, rounds: 1 },
  *app(app, { locked, rounds }) {
    const word = yield* app.malloc(16);
    yield* app.store32(word, 0);
    const mutex = yield* app.pthread_mutex_init();
    function* add() {
      for (let i = 0; i < rounds; i += 1) {
        if (locked) yield* app.pthread_mutex_lock(mutex);
        yield* app.store32(word, (yield* app.load32(word)) + 1);
        if (locked) yield* app.pthread_mutex_unlock(mutex);
      }
    }
    const a = yield* app.pthread_create('a', add);
    const b = yield* app.pthread_create('b', add);
    yield* app.pthread_join(a);
    yield* app.pthread_join(b);
    return yield* app.load32(word);
  },
  check({ result }, { rounds }) {
    if (result !== 2 * rounds) return \`the sum is \${result}\`;
  },
});
`;

/** A program that looks at a counter of its module. */
const counting = `import { scenario } from 'dextrace';
let calls = 0;
export default scenario({
  title: 'A counter in the module',
  *app(app) {
    const word = yield* app.malloc(16);
    const other = yield* app.pthread_create('other', function* () {
      yield* app.store32(word, (calls += 1));
    });
    yield* app.pthread_join(other);
  },
});
`;

interface Document {
  readonly ending: string;
  readonly executions: number;
  readonly failures: readonly { readonly again: string; readonly session: string | null; readonly count: number }[];
}

const exploring = (folder: Folder, ...args: string[]): Document =>
  documentOf(folder.run('explore', 'lost.ts', '--json', ...args)) as Document;

describe('a failure', () => {
  test('is told with the line that shows it again at the first try', ({ folder }) => {
    folder.write('lost.ts', lost);
    const said = folder.run('explore', 'lost.ts', '--runs', '60');
    expect(said.code).toBe(1);
    expect(said.stderr).toBe('');
    expect(said.stdout).toMatch(/stopped at the bound of 60 executions/);
    const again = /again: {4}dextrace (.*)/.exec(said.stdout)![1]!;
    const record = folder.run(...again.split(' '));
    expect(record.code).toBe(1);
    expect(record.stdout).toMatch(/check after event \d+: the sum is 1/);
    expect(/session {3}(\S+)/.exec(said.stdout)![1]).toBe('dextrace.db#1');
    expectFine(folder.run('replay', '#1'));
  });

  test('that is stored runs first the next time, and passes once it is mended', ({ folder }) => {
    folder.write('lost.ts', lost);
    exploring(folder, '--runs', '60');
    const again = folder.run('explore', 'lost.ts', '--stop-at-first');
    expect(again.stdout).toMatch(/stored +1 failures: 1 fail again, 0 pass, 0 no longer fit/);
    expect(again.stdout).toMatch(/executions +0,/);
    folder.write('lost.ts', lost.replace('(yield* app.load32(word)) + 1', 'Number(yield* app.atomic_load(word)) + 1'));
    folder.write('lost.ts', lost.replace('locked: false', 'locked: true'));
    expect(folder.run('explore', 'lost.ts', '--runs', '5').stdout).toMatch(/0 fail again/);
  });
});

describe('parts', () => {
  test('workers find what one finds, and so do shards put together', ({ folder }) => {
    folder.write('lost.ts', lost);
    const whole = exploring(folder, '--runs', '90', '--no-store');
    expect(whole.failures).toHaveLength(1);
    for (const workers of ['2', '3'])
      expect(exploring(folder, '--runs', '90', '--no-store', '--workers', workers)).toEqual(whole);
    const files = ['1', '2', '3'].map((shard) => {
      const { stdout } = folder.run(
        'explore',
        'lost.ts',
        '--runs',
        '90',
        '--no-store',
        '--shard',
        `${shard}/3`,
        '--json',
      );
      return folder.write(`${shard}.json`, stdout);
    });
    const merged = folder.run('merge', ...files, '--json');
    expect(merged.code).toBe(1);
    expect(documentOf(merged)).toEqual(whole);
    expectRefusal(folder.run('merge', files[0]!, files[2]!), /shard 2 of 3 is missing/);
    expectRefusal(folder.run('merge', 'lost.ts'), /lost\.ts: is no JSON document/);
  });

  test('the first failure is the same, however many look for it', ({ folder }) => {
    folder.write('lost.ts', lost);
    const args = ['--no-store', '--stop-at-first'];
    const whole = exploring(folder, ...args);
    expect(whole).toMatchObject({ ending: 'first-failure' });
    expect(exploring(folder, ...args, '--workers', '2')).toEqual(whole);
  });

  test('what does not fit together is refused in one line', ({ folder }) => {
    folder.write('lost.ts', lost);
    const refused = (says: RegExp, ...args: string[]): void =>
      expectRefusal(folder.run('explore', 'lost.ts', ...args), says);
    refused(/"reduction" cannot be split/, '--strategy', 'reduction', '--workers', '2');
    refused(/"depth-first" draws nothing/, '--strategy', 'depth-first', '--draw', 'rounds=1,2');
    refused(/--shard is "3\/2"/, '--shard', '3/2');
    refused(/exclude each other/, '--shard', '1/2', '--workers', '2');
    refused(/a depth is for the search "pct"; "random" has none/, '--depth', '2');
    refused(
      /a bound is for the searches "preemptions" and "delays"; "pct" has none/,
      '--strategy',
      'pct',
      '--bound',
      '1',
    );
    refused(/there is no search "magic"/, '--strategy', 'magic');
    refused(/there is no option "speed"/, '--draw', 'speed=1,2');
  });
});

test('endings are told apart', ({ folder }) => {
  folder.write('lost.ts', lost);
  const said = (...args: string[]): string => folder.run('explore', 'lost.ts', '--no-store', ...args).stdout;
  expect(said('--strategy', 'reduction')).toMatch(/explored everything/);
  expect(said('--strategy', 'reduction', '--set', 'locked=true')).toMatch(
    /executions +2, 2 distinct traces, 0 blocked/,
  );
  expect(said('--strategy', 'reduction', '--runs', '2')).toMatch(/stopped at the bound of 2 executions/);
  expect(said('--strategy', 'preemptions', '--bound', '0')).toMatch(
    /explored every schedule with at most 0 preemptions/,
  );
  expect(said('--stop-at-first')).toMatch(/stopped at the first failure/);
  folder.write(
    'alone.ts',
    `import { scenario } from 'dextrace';\nexport default scenario({ title: 'alone', *app() {} });\n`,
  );
  expect(folder.run('explore', 'alone.ts').stdout).toMatch(/there is nothing to choose/);
});

test('drawn options are printed with the failure, and in its line', ({ folder }) => {
  folder.write('lost.ts', lost);
  const { stdout } = folder.run(
    'explore',
    'lost.ts',
    '--no-store',
    '--draw',
    'rounds=2..3',
    '--draw',
    'machine.beat=4,64',
  );
  expect(stdout).toMatch(/option {4}rounds=[23]\n {2}option {4}machine\.beat=(4|64)\n/);
  expect(stdout).toMatch(/again: .* --set rounds=[23] --set machine\.beat=(4|64) --schedule s1\./);
});

test('a fault that is drawn is printed, and comes back', ({ folder }) => {
  const { stdout } = folder.run(
    'explore',
    'late-write',
    '--no-store',
    '--fault',
    'stall',
    '--runs',
    '6',
    '--stop-at-first',
  );
  expect(stdout).toMatch(/option {4}faults=stall\n/);
  const again = /again: {4}dextrace (.*)/.exec(stdout)![1]!;
  expect(folder.run(...again.split(' '), '--no-store').code).toBe(1);
  expectRefusal(folder.run('explore', 'late-write', '--fault', 'gremlin'), /there is no fault "gremlin"/);
});

test('--verify names the actor and the operation in which two runs of one schedule differ', ({ folder }) => {
  folder.write('counting.ts', counting);
  const said = folder.run('explore', 'counting.ts', '--verify', '--no-store');
  expect(said.code).toBe(1);
  expect(said.stdout).toMatch(/two runs of one schedule differ at event \d+: app:other in store/);
  folder.write('lost.ts', lost);
  expect(folder.run('explore', 'lost.ts', '--set', 'locked=true', '--verify', '--runs', '20').code).toBe(0);
});
