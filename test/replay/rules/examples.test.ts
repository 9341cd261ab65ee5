/** The bundled examples are right, but for one: nothing is found in them, whatever the seed. */
import { expect, test } from 'vitest';
import asyncDoneRight from '../../../examples/async-done-right.ts';
import clientMemory from '../../../examples/client-memory.ts';
import deviceToApp from '../../../examples/device-to-app.ts';
import dextBuffer from '../../../examples/dext-buffer.ts';
import inlineCopy from '../../../examples/inline-copy.ts';
import lateWriteRace from '../../../examples/late-write-race.ts';
import lateWrite from '../../../examples/late-write.ts';
import { record, type Scenario } from '../../../index.ts';

const seeds = Array.from({ length: 200 }, (_, seed) => seed);
const mappers = ['dart', 'vtd', 'none'];

/** The rules of all seeds. */
function rulesOf(of: Scenario, set = {}): string[] {
  const found = seeds.flatMap((seed) => {
    const strategy = seed % 2 === 0 ? 'random' : 'timed';
    const machine = { 'machine.beat': 512, 'machine.storeWidth': 512, 'machine.mapper': mappers[seed % 3]! };
    return record(of, { seed, strategy, set: { ...machine, ...set } }).findings.map(({ rule }) => rule);
  });
  return [...new Set(found)];
}

const small = { size: 8_192 };
test.each([
  ['async-done-right', asyncDoneRight, small],
  ['client-memory', clientMemory, small],
  ['device-to-app', deviceToApp, small],
  ['dext-buffer', dextBuffer, small],
  ['inline-copy', inlineCopy, {}],
  ['late-write', lateWrite, small],
] as const)('%s', (_name, example, set) => {
  expect(rulesOf(example, set)).toEqual([]);
});

test('in late-write-race only its check finds something', () => {
  expect(rulesOf(lateWriteRace, small)).toEqual(['check']);
});
