import { describe, expect } from 'vitest';
import { KiB, record } from '../../index.ts';
import lateWrite from '../../examples/late-write.ts';
import { expectAllToPass, trySeeds } from '../support-cli/seeds.ts';
import { test } from '../support-cli/folder.ts';

test(
  'the device sees a write made after the call, the dext does not, with 1,000 seeds',
  { timeout: 600_000 },
  ({ folder }) => {
    const sets = [{ size: 4_097 }, { size: 5_000 }, { size: 17 * KiB, 'machine.storeWidth': 256 }];
    expectAllToPass(trySeeds(lateWrite, { db: folder.at('my.db'), sets }));
  },
);

describe.for(['random', 'timed', 'round-robin'])('under %s', (strategy) => {
  // One byte above the inline limit, lengths that fill no beat and no page, whole pages.
  test.for([4_097, 5_000, 16 * KiB + 1, 32 * KiB, 40_001])('%i bytes', (size) => {
    for (const mapper of ['dart', 'vtd', 'none']) {
      const { findings, result } = record(lateWrite, { strategy, set: { size, 'machine.mapper': mapper } });
      expect(findings).toEqual([]);
      expect(result).toEqual({ result: 0, seenByDext: 0xaa });
    }
  });

  test('4,096 bytes are inline: there is no descriptor to keep', () => {
    expect(record(lateWrite, { strategy, set: { size: 4_096 } }).outcome).toBe('failed');
  });
});
