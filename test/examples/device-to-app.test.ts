import { KiB } from '../../index.ts';
import deviceToApp from '../../examples/device-to-app.ts';
import { expectAllToPass, trySeeds } from '../support-cli/seeds.ts';
import { test } from '../support-cli/folder.ts';

test("the device writes into the app's own pages, with 1,000 seeds", { timeout: 600_000 }, ({ folder }) => {
  const sets = [
    { size: 4_097 },
    { size: 12 * KiB },
    { size: 33 * KiB, 'machine.storeWidth': 1_024, 'machine.beat': 256 },
  ];
  expectAllToPass(trySeeds(deviceToApp, { db: folder.at('my.db'), sets }));
});
