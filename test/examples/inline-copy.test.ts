import { describe, expect } from 'vitest';
import { record } from '../../index.ts';
import inlineCopy from '../../examples/inline-copy.ts';
import { expectAllToPass, trySeeds } from '../support-cli/seeds.ts';
import { test } from '../support-cli/folder.ts';

test('a small struct is a copy, with 1,000 seeds', { timeout: 600_000 }, ({ folder }) => {
  expectAllToPass(
    trySeeds(inlineCopy, { db: folder.at('my.db'), sets: [{ size: 1_000 }, { size: 64 }, { size: 2_048 }] }),
  );
});

describe.for(['random', 'timed', 'round-robin'])('under %s', (strategy) => {
  test.for([1, 63, 4_095, 4_096])('%i bytes are copied into the message', (size) => {
    const { findings, result } = record(inlineCopy, { strategy, set: { size } });
    expect(findings).toEqual([]);
    expect(result).toEqual({ kept: 0, sent: 0 });
  });

  test.for([4_097, 8_192])('%i bytes are not: the dext gets a descriptor instead', (size) => {
    const { findings, outcome } = record(inlineCopy, { strategy, set: { size } });
    expect(outcome).toBe('failed');
    expect(findings).toMatchObject([{ rule: 'check', message: `the dext got no copy of ${size} bytes` }]);
  });
});
