import { KiB } from '../../index.ts';
import asyncDoneRight from '../../examples/async-done-right.ts';
import { expectAllToPass, trySeeds } from '../support-cli/seeds.ts';
import { test } from '../support-cli/folder.ts';

test('an app that waits for the completion has no race, with 1,000 seeds', { timeout: 600_000 }, ({ folder }) => {
  const sets = [
    { size: 4_200, rounds: 2 },
    { size: 20 * KiB, rounds: 2, 'machine.storeWidth': 512, 'machine.beat': 256 },
    { size: 4_097, rounds: 4, 'machine.beat': 256 },
  ];
  expectAllToPass(trySeeds(asyncDoneRight, { db: folder.at('my.db'), sets }));
});
