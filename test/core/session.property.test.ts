/** Random scenarios, recorded: folding, travelling and executing again all give the world that was live. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open, record, reexecute, sameWorld } from '../../index.ts';
import { plans } from '../support/plan.ts';
import { setupOf } from '../support/planned.ts';
import { scenarioOf } from '../support/run.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dextrace-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const strategy = fc.constantFrom('random', 'timed', 'round-robin');

test('the fold, the timeline and the re-execution end in the live world', () => {
  const db = join(folder, 'sessions.db');
  fc.assert(
    fc.property(
      plans,
      fc.boolean(),
      fc.nat(),
      strategy,
      fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
      (plan, racing, seed, name, places) => {
        const scenario = scenarioOf(setupOf(plan, racing));
        const recording = record(scenario, { seed, strategy: name, db });
        const session = open(recording.session!);
        try {
          expect(session.row.events).toBe(recording.events);
          expect(sameWorld(session.fold(), recording.world)).toBe(true);
          const timeline = session.timeline();
          expect(sameWorld(timeline.after(recording.events), recording.world)).toBe(true);

          // Anywhere on the way too, and in any order: worlds that were handed out do not change afterwards.
          const counts = places.map((place) => place % (recording.events + 1));
          const worlds = counts.map((count) => timeline.after(count));
          for (const [i, count] of counts.entries()) expect(sameWorld(worlds[i]!, session.fold(count))).toBe(true);

          const replay = reexecute(session, scenario);
          expect(replay.divergence).toBeUndefined();
          expect(replay.result).toBe('identical');
          expect(sameWorld(replay.world, recording.world)).toBe(true);
        } finally {
          session.close();
        }
      },
    ),
    { seed: 5, numRuns: 30 },
  );
});

test('a recording is the same again, with a file or without', () => {
  const db = join(folder, 'again.db');
  fc.assert(
    fc.property(plans, fc.nat(), strategy, (plan, seed, name) => {
      const scenario = scenarioOf(setupOf(plan));
      const stored = record(scenario, { seed, strategy: name, db });
      const plain = record(scenario, { seed, strategy: name });
      expect(plain.digest).toBe(stored.digest);
      expect([plain.events, plain.steps]).toEqual([stored.events, stored.steps]);
      expect(sameWorld(plain.world, stored.world)).toBe(true);
    }),
    { seed: 6, numRuns: 20 },
  );
});
