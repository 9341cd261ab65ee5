import { KiB } from '../../index.ts';
import edu from '../../examples/edu.ts';
import { expectAllToPass, trySeeds } from '../support-cli/seeds.ts';
import { test } from '../support-cli/folder.ts';

test("QEMU's educational device does what its driver asks, with 1,000 seeds", { timeout: 600_000 }, ({ folder }) => {
  const sets = [{ n: 0 }, { n: 20, size: 12 * KiB }, { 'machine.credits': 1, 'machine.tags': 1, 'machine.beat': 256 }];
  expectAllToPass(trySeeds(edu, { db: folder.at('my.db'), sets }));
});
