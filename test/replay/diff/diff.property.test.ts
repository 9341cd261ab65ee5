/** Random scenarios: what must hold for the diff of any two of their sessions. */
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { diff, open, record, type Scenario, type Session } from '../../../index.ts';
import { mirror } from '../../../replay/diff/mirror.ts';
import { deviate } from '../../support/deviate.ts';
import { plans, type AppStep, type DextStep } from '../../support/plan.ts';
import { setupOf } from '../../support/planned.ts';
import { scenarioOf } from '../../support/run.ts';
import { test, type Folder } from '../../support-cli/folder.ts';

function recorded(folder: Folder, scenario: Scenario, options: { seed?: number; schedule?: string }): Session {
  return open(record(scenario, { db: folder.at('my.db'), maxSteps: 100_000, ...options }).session!);
}

/**
 * The call that waits for the device, and has no bounce pages: what their last user left in them, and which pages need
 * them, goes by the schedule.
 */
function ordered(step: AppStep): AppStep {
  if (step.do !== 'call') return step;
  const dext = step.dext.flatMap((one): DextStep[] => {
    if (one.do === 'device reads' || one.do === 'device writes') return [one, { do: 'await', pick: 0 }];
    return ['bits' in one ? { ...one, bits: 64 } : one];
  });
  return { ...step, dext };
}

/** Steps that take whole pages, or throw them away. */
const takesPages: ReadonlySet<AppStep['do']> = new Set(['fork', 'share', 'copy', 'advise']);

describe('the diff', () => {
  test('of a session with itself is empty, and that of its repetition too', ({ folder }) => {
    fc.assert(
      fc.property(plans, fc.nat(), (plan, seed) => {
        const scenario = scenarioOf(setupOf(plan));
        const [one, again] = [recorded(folder, scenario, { seed }), recorded(folder, scenario, { seed })];
        for (const found of [diff(one, one), diff(one, again)]) {
          expect(found.result).toBe('identical');
          expect(found.parting).toBeUndefined();
          expect(found.operations.groups).toEqual([]);
          expect(found.pairs).toEqual([]);
          expect(found.data.groups).toEqual([]);
        }
        one.close();
        again.close();
      }),
      { seed: 1, numRuns: 8 },
    );
  });

  test('is the same from either side', ({ folder }) => {
    fc.assert(
      fc.property(plans, fc.nat(), fc.boolean(), (plan, seed, racing) => {
        const scenario = scenarioOf(setupOf(plan, racing));
        const [a, b] = [recorded(folder, scenario, { seed }), recorded(folder, scenario, { seed: seed + 1 })];
        const [there, back] = [diff(a, b), diff(b, a)];
        expect(mirror(back)).toEqual(there);
        a.close();
        b.close();
      }),
      { seed: 2, numRuns: 12 },
    );
  });

  test('finds no other bytes under another schedule, where nothing races', ({ folder }) => {
    fc.assert(
      fc.property(plans, fc.nat(), (plan, seed) => {
        // A child, or a copy of whole pages, takes what the other thread has written so far: a race of its own. And what
        // the dext keeps from one call is there for the next, whoever makes it: so one thread makes them all.
        const [main, second] = plan.threads.map((steps) =>
          steps.filter((step) => !takesPages.has(step.do)).map(ordered),
        );
        const silent = second!.filter((step) => step.do !== 'call');
        const scenario = scenarioOf(setupOf({ ...plan, threads: [main!, silent] }));
        const [a, b] = [recorded(folder, scenario, { seed }), recorded(folder, scenario, { seed: seed + 1 })];
        // Snapshots are of whole pages, which have bytes of the other thread too; the dext may be the first to map one.
        const others = diff(a, b).data.groups.filter(
          ({ what, where }) => !where.a?.startsWith('dext') && !what.a?.endsWith('snapshot'),
        );
        expect(others).toEqual([]);
        a.close();
        b.close();
      }),
      { seed: 3, numRuns: 12 },
    );
  });

  test('names the decision that was made otherwise', ({ folder }) => {
    fc.assert(
      fc.property(plans, fc.nat(), fc.nat(), (plan, seed, place) => {
        const scenario = scenarioOf(setupOf(plan));
        const a = recorded(folder, scenario, { seed });
        const decisions = [...a.decisions()];
        const at = place % decisions.length;
        const { schedule, picked, instead } = deviate(scenario, decisions, at);
        const b = recorded(folder, scenario, { schedule });
        const names = a.actors();
        const { parting } = diff(a, b);
        expect(parting?.decision).toBe(at);
        expect(parting?.picks).toEqual({ a: names.get(picked), b: names.get(instead) });
        // All before is the same, so the events that differ first are those of the two picks.
        const seq = parting!.events.a!.seq;
        expect(parting!.events.b!.seq).toBe(seq);
        expect([a.event(seq).actor, b.event(seq).actor]).toEqual([picked, instead]);
        a.close();
        b.close();
      }),
      { seed: 4, numRuns: 12 },
    );
  });
});
