/** Programs of the literature: one execution for each of the traces that were published, and none given up. */
import { describe, expect, test } from 'vitest';
import { explore, type Scenario } from '../../../index.ts';
import { fileSystem, indexer, lastZero, readers } from '../../support/textbook.ts';

// Abdulla, Aronis, Jonsson, Sagonas, POPL 2014, table 1, column "optimal".
const published: [name: string, program: Scenario, traces: number][] = [
  ['readers(2)', readers(2), 4],
  ['readers(8)', readers(8), 256],
  ['lastzero(5)', lastZero(5), 64],
  ['lastzero(10)', lastZero(10), 3328],
  ['indexer(12)', indexer(12), 8],
  ['filesystem(14)', fileSystem(14), 2],
  ['filesystem(16)', fileSystem(16), 8],
  ['filesystem(18)', fileSystem(18), 32],
  ['filesystem(19)', fileSystem(19), 64],
];

describe('as many executions as published traces', () => {
  test.for(published)('%s', ([, program, traces]) => {
    const { executions, blocked, ending, failures } = explore(program, { strategy: 'reduction' });
    expect({ executions, blocked, ending, failures }).toEqual({
      executions: traces,
      blocked: 0,
      ending: 'everything',
      failures: [],
    });
  });
});

test('what has one trace has one execution', () => {
  for (const program of [readers(0), indexer(11), fileSystem(13)])
    expect(explore(program, { strategy: 'reduction' }).executions).toBe(1);
});
