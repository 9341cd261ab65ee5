import { describe, expect } from 'vitest';
import { KiB, record } from '../../index.ts';
import lateWriteRace from '../../examples/late-write-race.ts';
import { trySeeds } from '../support-cli/seeds.ts';
import { test } from '../support-cli/folder.ts';

const torn = /^torn payload: (\d+) of (\d+) bytes that the device read were written after the call$/;

test(
  'the payload is torn or not, more or less, as the seed will have it, with 1,000 seeds',
  { timeout: 600_000 },
  ({ folder }) => {
    const sets = [
      { size: 8 * KiB },
      { size: 4_160 },
      { size: 20 * KiB, 'machine.storeWidth': 256, 'machine.beat': 256 },
    ];
    const tried = trySeeds(lateWriteRace, { db: folder.at('my.db'), sets });
    const random = tried.filter(({ recording }) => recording.strategy === 'random').map(({ recording }) => recording);
    const passed = random.filter(({ outcome }) => outcome === 'passed');
    const failed = random.filter(({ outcome }) => outcome === 'failed');
    expect(passed.length).toBeGreaterThan(random.length / 20);
    expect(failed.length).toBeGreaterThan(random.length / 2);

    const amounts = new Set<number>();
    for (const { findings, options } of failed) {
      expect(findings).toMatchObject([{ rule: 'check', message: expect.stringMatching(torn) }]);
      const [, late, size] = torn.exec(findings[0]!.message)!.map(Number);
      expect(size).toBe(options['size']);
      expect(late).toBeLessThanOrEqual(size!);
      amounts.add(late!);
    }
    expect(amounts.size).toBeGreaterThan(50);
  },
);

describe('where latencies decide', () => {
  /** Outcomes of 60 seeds. */
  const outcomes = (set: Record<string, number>): string[] => [
    ...new Set(
      Array.from({ length: 60 }, (_, seed) => record(lateWriteRace, { seed, strategy: 'timed', set }).outcome),
    ),
  ];

  test('it is close: sometimes the device is late enough to see the write', () => {
    expect(outcomes({}).toSorted()).toEqual(['failed', 'passed']);
  });

  test('a device of wide beats is never overtaken by an app of narrow stores', () => {
    expect(outcomes({ 'machine.beat': 512, 'machine.storeWidth': 16 })).toEqual(['passed']);
  });
});
