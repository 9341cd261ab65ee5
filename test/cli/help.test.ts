import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { test } from '../support-cli/folder.ts';
import { expectFine, expectRefusal } from '../support-cli/said.ts';

const commands: [command: string, words: string[]][] = [
  [
    'record',
    [
      '<scenario>',
      '--seed',
      '--strategy',
      'random, pos, pct, round-robin, timed',
      '--set',
      '--db',
      '--no-store',
      '--max-steps',
      '--json',
    ],
  ],
  [
    'explore',
    [
      '<scenario>',
      '--strategy',
      'random, pos, pct,',
      'depth-first',
      'reduction',
      '--runs',
      '--seed',
      '--stop-at-first',
      '--workers',
      '--shard',
      '--draw',
      '--verify',
      '--schedule',
      '--json',
    ],
  ],
  ['merge', ['<files...>', '--json']],
  ['replay', ['<session>', 'FILE#ID', '--scenario', '--json']],
  ['shrink', ['<run>', '--seed', '--schedule', '--races', '--tests', '--no-options', '--no-store', '--json']],
  ['bisect', ['<runs...>', 'GOOD BAD', '--time', '--check', '--at-address', '--when', '--vary', '--tests', '--json']],
  ['show', ['<session>', '--at', '--kind', '--actor', '--from', '--to', '--touching', '--reverse', '--json']],
  ['diff', ['<a>', '<b>', 'FILE#ID', '--limit', '--json', 'Exit codes']],
  ['why', ['<session>', '<target>', '--at', '--limit', '--json', 'Exit codes']],
  ['verify', ['[file]', '--json', 'Exit codes']],
  ['export', ['<from>', '<to>', '--repair', '--json', 'Exit codes']],
  ['sessions', ['[file]', '--json']],
  ['examples', ['--json']],
];

describe('help', () => {
  test('for a command that there is not', ({ folder }) => {
    expectRefusal(folder.run('help', 'recrod'), /unknown command 'recrod'/);
    expectFine(folder.run('help'));
  });

  test.for(commands)('dextrace %s --help', ([command, words], { folder }) => {
    const said = folder.run(command, '--help');
    expectFine(said);
    expect(said.stdout).toMatch(new RegExp(`^Usage: dextrace ${command} `));
    for (const word of words) expect(said.stdout.replaceAll(/\s+/g, ' ')).toContain(word);
    expect(folder.run('help', command).stdout).toBe(said.stdout);
  });

  test('dextrace --help names every command, examples and the exit codes', ({ folder }) => {
    const said = folder.run('--help');
    expectFine(said);
    for (const [command] of commands) expect(said.stdout).toContain(`  ${command} `);
    expect(said.stdout).toMatch(/Examples:\n {2}dextrace record late-write/);
    for (const code of ['0 fine', '1 a finding', '2 wrong usage', '125 cannot judge', '130 interrupted'])
      expect(said.stdout).toContain(code);
  });

  test('no command at all is wrong usage, and shows the help', ({ folder }) => {
    const said = folder.run();
    expect(said).toMatchObject({ code: 2, stdout: '' });
    expect(said.stderr).toMatch(/Usage: dextrace/);
  });

  test('--version is that of the package', ({ folder }) => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(folder.run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('colours', () => {
  const escape = '\u001B[';
  test('are not written into a pipe', ({ folder }) => {
    expect(folder.run('examples').stdout).not.toContain(escape);
  });

  test('are with FORCE_COLOR, unless it is 0', ({ folder }) => {
    expect(folder.runWith({ FORCE_COLOR: '1' }, 'examples').stdout).toContain(escape);
    expect(folder.runWith({ FORCE_COLOR: '1', NO_COLOR: '1' }, 'examples').stdout).toContain(escape);
    expect(folder.runWith({ FORCE_COLOR: '0' }, 'examples').stdout).not.toContain(escape);
  });

  test('are never in a JSON document', ({ folder }) => {
    const plain = folder.run('examples', '--json');
    expect(folder.runWith({ FORCE_COLOR: '1' }, 'examples', '--json')).toEqual(plain);
  });
});
