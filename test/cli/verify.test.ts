import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { test } from '../support-cli/folder.ts';
import { expectRefusal } from '../support-cli/said.ts';

describe('dextrace verify', () => {
  test('says of every session whether it is whole, and export --repair saves what is', ({ folder }) => {
    folder.run('record', 'inline-copy', '--db', 'my.db');
    folder.run('record', 'async-done-right', '--db', 'my.db');
    const whole = folder.run('verify', 'my.db');
    expect(whole.code).toBe(0);
    expect(whole.stdout).toMatch(/^my\.db#1: whole, [\d,]+ events\nmy\.db#2: whole, [\d,]+ events\n$/);

    // The title lies there in plain text.
    const bytes = readFileSync(folder.at('my.db'));
    const at = bytes.lastIndexOf('The app waits for the completion');
    expect(at).toBeGreaterThan(0);
    bytes[at]! ^= 1;
    writeFileSync(folder.at('my.db'), bytes);
    const damaged = folder.run('verify', 'my.db');
    expect(damaged.code).toBe(1);
    expect(damaged.stdout).toMatch(/^my\.db#1: whole/);
    expect(damaged.stdout).toMatch(/my\.db#2: damaged; the first ([\d,]+) events are whole\n.*seal/);
    expect(JSON.parse(folder.run('verify', 'my.db', '--json').stdout)).toMatchObject({
      schema: 'dextrace.verify/1',
      whole: false,
    });

    expect(folder.run('export', 'my.db', 'out.db')).toMatchObject({ code: 2, stdout: '' });
    const repaired = folder.run('export', '--repair', 'my.db', 'whole.db');
    expect(repaired.code).toBe(1);
    expect(repaired.stdout).toMatch(
      /my\.db#1: copied.*\n.*#2: damaged: its first [\d,]+ events are copied, as interrupted/,
    );
    expect(folder.run('verify', 'whole.db').code).toBe(0);
    expect(folder.run('replay', 'whole.db#2').stdout).toContain('identical');
  });

  test('says in one line that there is no room to read a damaged file', ({ folder }) => {
    folder.run('record', 'inline-copy', '--db', 'my.db');
    truncateSync(folder.at('my.db'), 60_000);
    for (const args of [
      ['verify', 'my.db'],
      ['export', '--repair', 'my.db', 'whole.db'],
    ])
      expectRefusal(
        folder.runWith({ TMPDIR: folder.at('none') }, ...args),
        /my\.db: is damaged, and a copy .* cannot be made/,
      );
    expect(existsSync(folder.at('whole.db'))).toBe(false);
  });

  test('says in one line that a file is none of ours', ({ folder }) => {
    folder.write('text.db', 'no database at all, but long enough to be looked at as one '.repeat(20));
    expectRefusal(folder.run('verify', 'text.db'), /text\.db: is no dextrace database/);
    expect(folder.run('verify', 'none.db')).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('dextrace why', () => {
  test('goes from a byte of the device to the store that made it', ({ folder }) => {
    folder.run('record', 'late-write');
    const { code, stdout } = folder.run('why', '#1', 'device:0x1000+4');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^0x1000 \(\+4\) {2}55555555\n {2}brought by +\d+ +\S+ +DMA read.*\n {2}made by +\d+ +app:main +fill/,
    );
    expect(folder.run('why', '#1', 'nowhere').stderr).toContain('"nowhere" is no target');
  });
});

describe('dextrace show --touching', () => {
  test('lists who touched bytes, in reverse, and around an event', ({ folder }) => {
    folder.run('record', 'late-write');
    const lines = (...args: string[]): string[] =>
      folder
        .run('show', '#1', ...args)
        .stdout.trimEnd()
        .split('\n');
    const forwards = lines('--touching', 'device:0x1000+64');
    expect(forwards.length).toBe(1);
    expect(forwards[0]).toContain('dma.read');
    const block = lines('--touching', 'app:0x104000000+64');
    expect(lines('--touching', 'app:0x104000000+64', '--reverse')).toEqual(block.toReversed());
    const [, seq] = /^ *(\d+)/.exec(block[2]!)!;
    const around = lines('--touching', 'app:0x104000000+64', '--at', seq!);
    expect(around[0]).toMatch(new RegExp(`^before +${/\d+/.exec(block[1]!)![0]} `));
    expect(around[1]).toMatch(new RegExp(`^after +${/\d+/.exec(block[3]!)![0]} `));
  });
});
