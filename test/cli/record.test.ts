import { describe, expect } from 'vitest';
import { test } from '../support-cli/folder.ts';
import { documentOf, expectFine, sessionsOf } from '../support-cli/said.ts';
import { scenarioText } from '../support-cli/scenario-text.ts';

interface RecordDocument {
  readonly session: string | null;
  readonly digest: string;
  readonly events: number;
  readonly again: string;
}

describe('dextrace record', () => {
  test('--json has all that a script needs', ({ folder }) => {
    const said = folder.run('record', 'inline-copy', '--seed', '7', '--set', 'size=64', '--json');
    expect(said.code).toBe(0);
    expect(documentOf(said)).toStrictEqual({
      schema: 'dextrace.record/1',
      session: 'dextrace.db#1',
      title: 'A struct of 4096 bytes is a copy: later writes are never seen',
      seed: '7',
      strategy: 'random',
      options: { size: 64 },
      events: expect.any(Number),
      steps: expect.any(Number),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      outcome: 'passed',
      findings: [],
      again: 'dextrace record inline-copy --seed 7 --set size=64',
    });
  });

  test('a finding is exit code 1, with its rule, its message and where it is', ({ folder }) => {
    const said = folder.run('record', 'inline-copy', '--set', 'size=4097', '--json');
    expect(said.code).toBe(1);
    const document = documentOf(said) as RecordDocument;
    expect(document).toMatchObject({
      outcome: 'failed',
      findings: [
        { rule: 'check', message: 'the dext got no copy of 4097 bytes', seq: document.events - 1, actors: [] },
      ],
    });
    expect(sessionsOf(folder.run('sessions', '--json'))).toMatchObject([{ outcome: 'failed' }]);
  });

  test('as text it says the same, and how to do it again', ({ folder }) => {
    const said = folder.run('record', 'inline-copy', '--set', 'size=4097', '--seed', "it's", '--no-store');
    expect(said).toMatchObject({ code: 1, stderr: '' });
    expect(said.stdout).toMatch(/^A struct of 4096 bytes is a copy/);
    expect(said.stdout).toMatch(/session {3}not stored/);
    expect(said.stdout).toMatch(/seed it's, strategy random: [\d,]+ steps, [\d,]+ events/);
    expect(said.stdout).toMatch(/check after event \d+: the dext got no copy of 4097 bytes/);
    expect(said.stdout).toContain(String.raw`again: dextrace record inline-copy --seed 'it'\''s' --set size=4097`);
  });

  test('the command that it says does the same again', ({ folder }) => {
    const first = folder.run(
      'record',
      'late-write-race',
      '--seed',
      '3',
      '--strategy',
      'timed',
      '--set',
      'size=8KiB',
      '--max-steps',
      '400',
      '--json',
    );
    const { again, digest } = documentOf(first) as RecordDocument;
    const second = folder.run(...again.split(' ').slice(1), '--json');
    expect(documentOf(second)).toMatchObject({ digest, session: 'dextrace.db#2' });
    expect(second.code).toBe(first.code);
  });

  test('sessions are numbered in a file, files by --db, and --no-store leaves none', ({ folder }) => {
    const session = (...args: string[]): unknown =>
      (documentOf(folder.run('record', 'inline-copy', '--set', 'size=64', '--json', ...args)) as RecordDocument)
        .session;
    expect([session(), session(), session('--db', 'my.db'), session('--no-store')]).toEqual([
      'dextrace.db#1',
      'dextrace.db#2',
      'my.db#1',
      null,
    ]);
    expect(sessionsOf(folder.run('sessions', '--json'))).toHaveLength(2);
  });

  test('a run that does not end is ended by --max-steps, with a finding that says who does what', ({ folder }) => {
    const said = folder.run('record', 'late-write', '--max-steps', '100', '--json', '--no-store');
    expect(said.code).toBe(1);
    expect(documentOf(said)).toMatchObject({
      steps: 100,
      outcome: 'failed',
      findings: [
        { rule: 'step-bound', message: expect.stringMatching(/not finished after 100 steps:\n {2}app:main is in /) },
      ],
    });
  });

  test('threads that wait for each other are a finding that says where', ({ folder }) => {
    const body = `
    const port = yield* app.IONotificationPortCreate();
    yield* app.mach_msg_receive(port); // never
`;
    const text = scenarioText({ body });
    folder.write('my.ts', text);
    const said = folder.run('record', 'my.ts', '--json', '--no-store');
    expect(said.code).toBe(1);
    const line = text.split('\n').findIndex((words) => words.includes('// never')) + 1;
    expect(documentOf(said)).toMatchObject({
      findings: [
        {
          rule: 'deadlock',
          message: expect.stringMatching(
            new RegExp(String.raw`app:main is in mach_msg.* waits for .*\(my\.ts:${line}:\d+\)`),
          ),
        },
      ],
    });
  });

  test('the bundled examples are listed, and all of them run', ({ folder }) => {
    const { examples } = documentOf(folder.run('examples', '--json')) as {
      examples: { name: string; title: string }[];
    };
    expect(examples.map(({ name }) => name).filter((name) => !name.startsWith('bugs/'))).toEqual([
      'async-done-right',
      'client-memory',
      'device-to-app',
      'dext-buffer',
      'edu',
      'inline-copy',
      'kext-gather',
      'late-write',
      'late-write-race',
    ]);
    const listed = folder.run('examples');
    expectFine(listed);
    for (const { name, title } of examples) {
      expect(listed.stdout).toContain(title);
      if (name.startsWith('bugs/')) continue; // test/bugs runs these
      expect(documentOf(folder.run('record', name, '--no-store', '--json'))).toMatchObject({ title });
    }
  });
});
