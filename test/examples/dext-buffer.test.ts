import { expect } from 'vitest';
import { KiB, record, type EventByKind } from '../../index.ts';
import dextBuffer from '../../examples/dext-buffer.ts';
import { expectAllToPass, trySeeds } from '../support-cli/seeds.ts';
import { test } from '../support-cli/folder.ts';

test(
  "a copy in the dext's own buffer is never changed by the app, with 1,000 seeds",
  { timeout: 600_000 },
  ({ folder }) => {
    const sets = [{ size: 4_097 }, { size: 6_000 }, { size: 18 * KiB, 'machine.storeWidth': 512, 'machine.beat': 256 }];
    expectAllToPass(trySeeds(dextBuffer, { db: folder.at('my.db'), sets }));
  },
);

test('the buffer is one segment, even without an IOMMU', () => {
  const counts: number[] = [];
  const onEvent = (event: { kind: string }): void => {
    if (event.kind === 'command.prepared') counts.push((event as EventByKind['command.prepared']).segments);
  };
  expect(record(dextBuffer, { set: { size: 100 * KiB, 'machine.storeWidth': 1_024 }, onEvent }).outcome).toBe('passed');
  expect(counts).toEqual([1, 1]); // the ring, the buffer
});
