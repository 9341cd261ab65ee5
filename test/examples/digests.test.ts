/**
 * The digests of all examples at seed 7, in digests.txt. The same must come out on every machine,
 * Node version and operating system. A change here means that recordings made before can neither
 * be folded nor re-executed: raise `modelVersion` in core/events.ts, then
 *
 *     npx vitest run test/examples/digests.test.ts --update
 */
import { expect, test } from 'vitest';
import { modelVersion, record, strategyNames, type Options, type Scenario } from '../../index.ts';
import asyncDoneRight from '../../examples/async-done-right.ts';
import clientMemory from '../../examples/client-memory.ts';
import deviceToApp from '../../examples/device-to-app.ts';
import dextBuffer from '../../examples/dext-buffer.ts';
import edu from '../../examples/edu.ts';
import kextGather from '../../examples/kext-gather.ts';
import inlineCopy from '../../examples/inline-copy.ts';
import lateWriteRace from '../../examples/late-write-race.ts';
import lateWrite from '../../examples/late-write.ts';

const cases: [name: string, scenario: Scenario, set: Options][] = [
  ['async-done-right', asyncDoneRight, {}],
  ['client-memory', clientMemory, {}],
  ['client-memory', clientMemory, { copyOnWrite: false }],
  ['device-to-app', deviceToApp, {}],
  ['dext-buffer', dextBuffer, {}],
  ['edu', edu, {}],
  ['kext-gather', kextGather, {}],
  ['inline-copy', inlineCopy, {}],
  ['late-write', lateWrite, {}],
  ['late-write', lateWrite, { size: 5_000, 'machine.pageSize': 4_096, 'machine.mapper': 'none' }],
  ['late-write-race', lateWriteRace, {}],
];

test('the digests of the examples are those on record', async () => {
  const lines = cases.flatMap(([name, scenario, set]) =>
    strategyNames.map((strategy) => {
      const { digest, events } = record(scenario, { seed: 7, strategy, set, maxSteps: 100_000 });
      return `${digest} ${events} ${name} ${strategy} ${JSON.stringify(set)}`;
    }),
  );
  await expect([`model version ${modelVersion}`, ...lines, ''].join('\n')).toMatchFileSnapshot('digests.txt');
});
