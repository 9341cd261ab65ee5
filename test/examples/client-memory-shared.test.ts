import { KiB } from '../../index.ts';
import clientMemory from '../../examples/client-memory.ts';
import { expectAllToPass, trySeeds } from '../support-cli/seeds.ts';
import { test } from '../support-cli/folder.ts';

test(
  'memory that the dext describes by itself is truly shared without copy-on-write, with 1,000 seeds',
  { timeout: 600_000 },
  ({ folder }) => {
    const sets = [
      { size: 4_097 },
      { size: 100 },
      { size: 17 * KiB, 'machine.storeWidth': 256, 'machine.beat': 128 },
    ].map((set) => ({ ...set, copyOnWrite: false }));
    expectAllToPass(trySeeds(clientMemory, { db: folder.at('my.db'), sets }));
  },
);
