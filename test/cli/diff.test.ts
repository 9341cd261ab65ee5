import { describe, expect } from 'vitest';
import { test } from '../support-cli/folder.ts';

describe('dextrace diff', () => {
  test('says in one line that sessions are the same', ({ folder }) => {
    folder.run('record', 'late-write-race');
    folder.run('record', 'late-write-race');
    const { code, stdout } = folder.run('diff', '#1', '#2');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^dextrace\.db#1 and dextrace\.db#2: identical in all [\d,]+ events, digest \w{12}\n$/);
  });

  test('says what is different, and what brought it about', ({ folder }) => {
    folder.run('record', 'late-write-race');
    folder.run('record', 'late-write-race', '--seed', '3');
    const { code, stdout } = folder.run('diff', '#1', '#2', '--limit', '1');
    expect(code).toBe(1);
    expect(stdout).toContain('dextrace.db#1 and dextrace.db#2: different\n');
    for (const heading of [
      'the schedules part at decision',
      'conflicting pairs in the other order',
      'bytes differ in the end',
    ])
      expect(stdout).toContain(heading);
    expect(stdout).toMatch(/brought by .*DMA read/);
    expect(stdout).toMatch(/made by .*fill 64 bytes/);
    expect(stdout).toMatch(/only in a: check after event/);
  });

  test('says in one line which options are not the same', ({ folder }) => {
    folder.run('record', 'late-write-race');
    folder.run('record', 'late-write-race', '--set', 'size=8192', '--set', 'machine.beat=32');
    const { code, stdout } = folder.run('diff', '#1', '#2');
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /\n {2}options differ: size is its default in a, 8192 in b; machine\.beat is its default in a, 32 in b\n/,
    );
    folder.run('record', 'late-write-race', '--set', 'size=16384');
    expect(folder.run('diff', '#1', '#3').stdout).toMatch(
      /identical .*\n {2}options differ: size is .*, 16384 in b\n$/,
    );
  });

  test('prints one document with --json', ({ folder }) => {
    folder.run('record', 'late-write');
    folder.run('record', 'late-write', '--seed', '7');
    const { code, stdout } = folder.run('diff', '#1', '#2', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'dextrace.diff/1', result: 'reordered' });
  });

  test('says what it cannot compare', ({ folder }) => {
    folder.run('record', 'inline-copy');
    const { code, stderr } = folder.run('diff', '#1', '#2');
    expect(code).toBe(2);
    expect(stderr).toContain('has no session #2');
  });
});
