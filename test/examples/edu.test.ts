import { expect } from 'vitest';
import { KiB, record } from '../../index.ts';
import edu from '../../examples/edu.ts';
import { expectAllToPass, trySeeds } from '../support-cli/seeds.ts';
import { test } from '../support-cli/folder.ts';

test("QEMU's educational device does what its driver asks, with 1,000 seeds", { timeout: 600_000 }, ({ folder }) => {
  // The device has 32 address bits: it needs an IOMMU.
  const sets = [
    { n: 0, 'machine.mapper': 'dart' },
    { n: 20, size: 12 * KiB, 'machine.mapper': 'vtd' },
    { 'machine.mapper': 'vtd', 'machine.credits': 1, 'machine.tags': 1, 'machine.beat': 256 },
  ];
  expectAllToPass(trySeeds(edu, { db: folder.at('my.db'), sets }));
});

test('without an IOMMU the device does not reach the memory of the app, and the run says so', () => {
  const { findings } = record(edu, { set: { 'machine.mapper': 'none' } });
  expect(findings.map(({ rule }) => rule).toSorted()).toEqual(['address-too-high', 'check']);
});
