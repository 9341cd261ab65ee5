/** The examples that are right: no rule, races among them, finds anything in them. */
import { expect, test } from 'vitest';
import asyncDoneRight from '../../examples/async-done-right.ts';
import clientMemory from '../../examples/client-memory.ts';
import deviceToApp from '../../examples/device-to-app.ts';
import dextBuffer from '../../examples/dext-buffer.ts';
import inlineCopy from '../../examples/inline-copy.ts';
import lateWrite from '../../examples/late-write.ts';
import { KiB, record } from '../../index.ts';

test.each([
  ['async-done-right', asyncDoneRight, { size: 8 * KiB }],
  ['client-memory', clientMemory, { size: 8 * KiB }],
  ['device-to-app', deviceToApp, { size: 8 * KiB }],
  ['dext-buffer', dextBuffer, { size: 8 * KiB }],
  ['inline-copy', inlineCopy, {}],
  ['late-write', lateWrite, { size: 8 * KiB }],
])('%s over 200 seeds', (_, example, set) => {
  for (let seed = 0; seed < 200; seed += 1) {
    expect(record(example, { seed, set, races: true }).findings).toEqual([]);
  }
});
