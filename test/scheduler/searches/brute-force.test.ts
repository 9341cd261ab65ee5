/** The reduction against all interleavings, on random small programs. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DepthFirst } from '../../../scheduler/searches/depth-first.ts';
import { Reduction } from '../../../scheduler/searches/reduction.ts';
import { cover } from '../../support/all-schedules.ts';
import { scenarioOfProgram, smallPrograms } from '../../support/small-programs.ts';

const sorted = (traces: ReadonlyMap<number, string>): [number, string][] => [...traces].toSorted(([a], [b]) => a - b);

test('it reaches the outcomes that all interleavings reach, with one execution for each trace and none given up', () => {
  let whole = 0;
  fc.assert(
    fc.property(smallPrograms, (threads) => {
      const program = scenarioOfProgram(threads);
      const { traces, executions, blocked, complete } = cover(program, new Reduction('1'), 3_000);
      expect({ executions, blocked, complete }).toEqual({ executions: traces.size, blocked: 0, complete: true });
      const all = cover(program, new DepthFirst('1'), 2_500);
      if (all.complete) {
        whole += 1;
        expect(sorted(traces)).toEqual(sorted(all.traces));
      } else for (const [trace, outcome] of all.traces) expect(traces.get(trace)).toBe(outcome);
    }),
    { seed: Number(process.env['SEED'] ?? 7), numRuns: Number(process.env['RUNS'] ?? 25) },
  );
  expect(whole).toBeGreaterThan(10);
});
