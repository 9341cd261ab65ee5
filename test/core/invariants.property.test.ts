/** Random scenarios: the world is well-formed between any two steps, and nothing is left of them at the end. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { violations } from '../support/invariants.ts';
import { deaths, plans } from '../support/plan.ts';
import { setupOf } from '../support/planned.ts';
import { runAnyhow, scenarioOf } from '../support/run.ts';
import { begin } from '../support/stepping.ts';

const strategy = fc.constantFrom('random', 'timed', 'round-robin');

describe('with one queue', () => {
  test('every world is well-formed, and nothing is found wrong', () => {
    fc.assert(
      fc.property(plans, fc.nat(), strategy, fc.integer({ min: 1, max: 9 }), (plan, seed, name, stride) => {
        const run = begin(scenarioOf(setupOf(plan)), seed, name);
        do expect([run.events, violations(run.world)]).toEqual([run.events, []]);
        while (run.advance(stride));
        expect(run.findings).toEqual([]);
      }),
      { seed: 1, numRuns: 120 },
    );
  });

  test('when the process has ended and the dext has given everything back, no wire, mapping, page or object is left', () => {
    let complete = 0;
    fc.assert(
      fc.property(plans, fc.nat(), strategy, (plan, seed, name) => {
        const { world } = runAnyhow(setupOf(plan), { seed, strategy: name });
        expect([...world.tasks.values()].flatMap(({ entries }) => entries)).toEqual([]);
        expect(world.commands.size + world.mappings.size + world.actions.size).toBe(0);
        // A command that is freed half-dead leaks its descriptor, and before 13.3 any active one does (facts §4.2 (4), §4.5).
        if (world.descriptors.size > 0) return;
        complete += 1;
        expect(world.iommu.size + world.iovas.length).toBe(0);
        expect(world.objects.size + world.frames.size).toBe(0);
      }),
      { seed: 2, numRuns: 150 },
    );
    expect(complete).toBeGreaterThan(75);
  });
});

describe('when processes die in the middle', () => {
  /** What may come of it: whoever depended on the dead may crash itself, or wait for ever. */
  const excused: readonly string[] = ['crash', 'use-after-release', 'deadlock', 'unanswered'];

  test('every world is well-formed, and wires and references balance at the end', () => {
    const ends = new Map<string, number>();
    fc.assert(
      fc.property(plans, deaths, fc.nat(), strategy, (plan, dying, seed, name) => {
        const run = begin(scenarioOf(setupOf(plan, false, dying)), seed, name);
        do expect([run.events, violations(run.world)]).toEqual([run.events, []]);
        while (run.advance(7));
        expect(run.findings.filter(({ rule }) => !excused.includes(rule))).toEqual([]);
        const { world } = run;
        const gone = (process: string): boolean =>
          [...world.tasks.values()].some((task) => task.name === process && task.state === 'gone');
        const end = `${gone('app') ? 'no' : 'an'} app, ${gone('dext') ? 'no' : 'a'} dext`;
        ends.set(end, (ends.get(end) ?? 0) + 1);
        if (gone('dext')) {
          expect(world.commands.size + world.actions.size + world.sources.size).toBe(0);
          // By nobody, or by the driver that was started again.
          for (const { openedBy } of world.devices.values())
            if (openedBy !== 0) expect(world.services.get(openedBy)!.state).toBe('active');
        }
        if (!gone('app')) return;
        expect([...world.connections.values()].filter(({ state }) => state !== 'stopped')).toEqual([]);
        expect(world.commands.size + world.mappings.size + world.actions.size).toBe(0);
        expect([...world.tasks.values()].flatMap(({ entries }) => entries)).toEqual([]);
        // A command that is freed half-dead leaks its descriptor, and before 13.3 any active one does (facts §4.2 (4), §4.5).
        if (world.descriptors.size > 0) return;
        expect(world.iommu.size + world.iovas.length).toBe(0);
        expect(world.objects.size + world.frames.size).toBe(0);
      }),
      { seed: 11, numRuns: 200 },
    );
    expect([...ends.keys()].toSorted()).toEqual(['an app, no dext', 'no app, a dext', 'no app, no dext']);
  });
});

test('with two queues that share everything without a lock, the dext may crash, but never the simulation', () => {
  let crashed = 0;
  fc.assert(
    fc.property(plans, fc.nat(), strategy, (plan, seed, name) => {
      const rules = runAnyhow(setupOf(plan, true), { seed, strategy: name }).findings.map(({ rule }) => rule);
      // After a crash, somebody may wait for ever.
      const crashes: readonly string[] = ['crash', 'use-after-release'];
      expect(rules.filter((rule) => !crashes.includes(rule) && rule !== 'deadlock' && rule !== 'unanswered')).toEqual(
        [],
      );
      if (rules.length > 0) expect(crashes).toContain(rules[0]);
      crashed += rules.length > 0 ? 1 : 0;
    }),
    { seed: 7, numRuns: 300 },
  );
  expect(crashed).toBeLessThan(30);
});
