/** A session as the test of `git bisect run`, as docs/bisect.md says. */
import { execFileSync } from 'node:child_process';
import { expect } from 'vitest';
import { program, test, type Folder } from '../support-cli/folder.ts';
import { scenarioText } from '../support-cli/scenario-text.ts';

const git = (folder: Folder, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=me', '-c', 'user.email=me@example.org', ...args], {
    cwd: folder.path,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

const body = (value: number): string => `
    const buffer = yield* app.malloc(size);
    yield* app.memset(buffer, ${value}, size);
`;

test('git bisect run finds the commit that changes what a session does, past one that does not load', ({ folder }) => {
  git(folder, 'init', '--quiet');
  const commit = (text: string, subject: string): string => {
    folder.write('small.ts', text);
    git(folder, 'add', 'small.ts');
    git(folder, 'commit', '--quiet', '--allow-empty', '-m', subject);
    return git(folder, 'rev-parse', 'HEAD').trim();
  };
  const good = commit(scenarioText({ body: body(1) }), 'first');
  expect(folder.run('record', 'small.ts', '--db', 'small.db').code).toBe(0);
  commit(`// more words\n${scenarioText({ body: body(1) })}`, 'a comment');
  const culprit = commit(scenarioText({ body: body(2) }), 'another value');
  commit(`${scenarioText({ body: body(2) })}\n}`, 'does not load');
  commit(`// again\n${scenarioText({ body: body(2) })}`, 'last');

  git(folder, 'bisect', 'start', 'HEAD', good);
  const check = `${process.execPath} ${program} replay 'small.db#1' --scenario small.ts; code=$?; [ $code -ne 2 ] || exit 125; exit $code`;
  expect(git(folder, 'bisect', 'run', 'sh', '-c', check)).toContain(`${culprit} is the first bad commit`);
});
