import { describe, expect } from 'vitest';
import { test } from '../support-cli/folder.ts';
import { expectRefusal } from '../support-cli/said.ts';

const refused: [args: string[], says: RegExp][] = [
  [
    ['record', 'late-write', '--set', 'sise=4'],
    /there is no option "sise"; there are: size, faults, machine\.pageSize, /,
  ],
  [['record', 'late-write', '--set', 'machine.pagesize=4KiB'], /there is no option "machine\.pagesize"/],
  [['record', 'late-write', '--set', 'toString=4'], /there is no option "toString"/],
  [['record', 'late-write', '--set', '__proto__=4'], /there is no option "__proto__"/],
  [['record', 'late-write', '--set', 'size'], /--set "size": write name=value/],
  [['record', 'late-write', '--set', '=4'], /--set "=4": write name=value/],
  [['record', 'late-write', '--set', 'size=big'], /--set size=big: must be a number, such as 65536, 0x10000 or 64KiB/],
  [['record', 'late-write', '--set', 'size='], /--set size=: must be a number/],
  [['record', 'late-write', '--set', 'size=-1'], /--set size=-1: must be a number/],
  [['record', 'client-memory', '--set', 'copyOnWrite=1'], /--set copyOnWrite=1: must be true or false/],
  [['record', 'late-write', '--set', 'machine.pageSize=8KiB'], /machine\.pageSize is 8192; allowed: 4096, 16384/],
  [['record', 'late-write', '--set', 'machine.beat=48'], /machine\.beat is 48; allowed: a power of two from 4 to 4096/],
  [['record', 'late-write', '--set', 'machine.mapper=smmu'], /machine\.mapper is smmu; allowed: none, vtd, dart/],
  [
    ['record', 'late-write', '--strategy', 'lucky'],
    /there is no strategy "lucky"; there are: random, pos, pct, round-robin, timed/,
  ],
  [['record', 'late-write', '--strategy', 'toString'], /there is no strategy "toString"/],
  [['record', 'late-write', '--max-steps', '0'], /--max-steps is "0", but must be a whole number of at least 1/],
  [['record', 'late-write', '--max-steps', 'many'], /--max-steps is "many"/],
  [['record', 'late-write', '--seed'], /option '--seed <seed>' argument missing/],
  [['record', 'late-write', '--sed', '4'], /unknown option '--sed'.*Did you mean .*--seed/],
  [['record'], /missing required argument 'scenario'/],
  [['record', 'late-write', 'late-write-race'], /too many arguments for 'record'/],
  [['recrod', 'late-write'], /unknown command 'recrod'.*Did you mean record\?/],
  [['play', '#1'], /unknown command 'play'/],
  [['replay'], /missing required argument 'session'/],
  [['sessions', '--all'], /unknown option '--all'/],
  [['examples', '--verbose'], /unknown option '--verbose'/],
];

describe('wrong usage is refused in one line', () => {
  test.for(refused)('dextrace %o', ([args, says], { folder }) => {
    expectRefusal(folder.run(...args), says);
    expect(folder.run('sessions').stderr).toMatch(/there is no such file/); // nothing was made
  });
});

describe('options as people write them', () => {
  const sizes: [text: string, bytes: number][] = [
    ['4097', 4097],
    ['0x2000', 8192],
    ['8KiB', 8192],
    ['0.5kib', 512],
  ];
  test.for(sizes)('--set size=%s', ([text, bytes], { folder }) => {
    const said = folder.run('record', 'inline-copy', '--no-store', '--json', '--set', `size=${text}`);
    expect((JSON.parse(said.stdout) as { options: unknown }).options).toEqual({ size: bytes });
  });

  test('the last of two values counts', ({ folder }) => {
    const said = folder.run('record', 'inline-copy', '--no-store', '--json', '--set', 'size=5000', '--set', 'size=100');
    expect(said.code).toBe(0);
    expect((JSON.parse(said.stdout) as { options: unknown }).options).toEqual({ size: 100 });
  });
});
