/** The threshold of 4096 bytes, and lengths that fill no page. */
import { describe, expect, test } from 'vitest';
import inlineCopy from '../../examples/inline-copy.ts';
import lateWrite from '../../examples/late-write.ts';
import { record } from '../../index.ts';

const seeds = Array.from({ length: 25 }, (_, seed) => seed);

describe('inline-copy', () => {
  test.each([1, 4_095, 4_096])('%i bytes are a copy', (size) => {
    for (const seed of seeds) expect(record(inlineCopy, { seed, set: { size } }).findings).toEqual([]);
  });

  test('4097 bytes are none', () => {
    for (const seed of seeds) {
      const { findings } = record(inlineCopy, { seed, set: { size: 4_097 } });
      expect(findings.map(({ message }) => message)).toEqual(['the dext got no copy of 4097 bytes']);
    }
  });
});

describe('late-write', () => {
  test.each([4_097, 5_000, 32_768, 40_001])('%i bytes are live for the device and a snapshot for the dext', (size) => {
    for (const seed of seeds) expect(record(lateWrite, { seed, set: { size } }).findings).toEqual([]);
  });

  test('4096 bytes come as a copy, which this dext refuses', () => {
    expect(record(lateWrite, { set: { size: 4_096 } }).outcome).toBe('failed');
  });
});
