import { describe, expect } from 'vitest';
import { open, Recorder, record, reexecute, sameWorld, type Scenario } from '../../index.ts';
import inlineCopy from '../../examples/inline-copy.ts';
import lateWriteRace from '../../examples/late-write-race.ts';
import { test } from '../support-cli/folder.ts';

const cases: [name: string, scenario: Scenario, strategy: string][] = [
  ['inline-copy', inlineCopy, 'random'],
  ['late-write-race', lateWriteRace, 'timed'],
];

describe.for(cases)('%s, %s', ([, scenario, strategy]) => {
  const options = {
    set: { size: 4_096 + (scenario === inlineCopy ? 0 : 64), 'machine.storeWidth': 256, 'machine.beat': 256 },
    seed: 4,
    strategy,
  };

  test('a recording interrupted after any number of steps replays up to there', ({ folder }) => {
    const db = folder.at('my.db');
    const { steps } = record(scenario, options);
    // Every step at first, then some.
    for (let count = 0; count < steps; count += count < 20 ? 1 : 13) {
      const recorder = new Recorder(scenario, { ...options, db });
      recorder.advance(count);
      const { session: name, events, outcome, digest, world } = recorder.interrupt();
      const session = open(name!);
      expect(session.row).toMatchObject({ outcome: 'interrupted', events, digest, steps: count });
      expect(outcome).toBe('interrupted');
      const replay = reexecute(session, scenario);
      expect(replay, `${count} steps`).toMatchObject({ result: 'identical', events, divergence: undefined });
      expect(sameWorld(session.fold(), world), `${count} steps`).toBe(true);
      session.close();
    }
  });

  test('what is recorded before the interruption is what a whole recording begins with', ({ folder }) => {
    const whole = open(record(scenario, { ...options, db: folder.at('whole.db') }).session!);
    const recorder = new Recorder(scenario, { ...options, db: folder.at('part.db') });
    recorder.advance(150);
    const part = open(recorder.interrupt().session!);
    const events = [...part.events()];
    expect(events.length).toBeGreaterThan(150);
    expect(events).toEqual([...whole.events({ to: events.length - 1 })]);
    const decisions = [...part.decisions()];
    expect(decisions).toEqual([...whole.decisions()].slice(0, decisions.length));
    whole.close();
    part.close();
  });
});
