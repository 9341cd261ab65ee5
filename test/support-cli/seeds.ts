/** One scenario under very many seeds: what must hold for every one of them, and what came of them all. */
import { expect } from 'vitest';
import { open, record, reexecute, sameWorld, type Options, type Recording, type Scenario } from '../../index.ts';

/** Drawing strategies more often: under round-robin every seed is the same run. */
const strategies = ['random', 'timed', 'random', 'timed', 'round-robin'] as const;
const pageSizes = [4 * 1024, 16 * 1024];
const mappers = ['dart', 'vtd', 'none'];

/** How many seeds each example is tried with. */
export const seedCount = 1_000;

export interface Tried {
  readonly recording: Recording;
  /** The picks, as a string. */
  readonly schedule: string;
}

export interface Trial {
  /** The file to record into. */
  readonly db: string;
  /** Options to go through, one after the other. */
  readonly sets: readonly Options[];
}

/** The options of a seed: all strategies with all machines with all sets, in turn. */
function choose(seed: number, sets: readonly Options[]): { strategy: string; set: Options } {
  let rest = seed;
  const next = <T>(choices: readonly T[]): T => {
    const choice = choices[rest % choices.length]!;
    rest = Math.floor(rest / choices.length);
    return choice;
  };
  const strategy = next(strategies);
  const machine = { 'machine.pageSize': next(pageSizes), 'machine.mapper': next(mappers) };
  return { strategy, set: { ...machine, ...next(sets) } };
}

/** Records a seed, and holds the live, the folded and the re-executed world against each other. */
function tryOne(scenario: Scenario, seed: number, { db, sets }: Trial): Tried {
  const options = choose(seed, sets);
  const name = `seed ${seed}, ${JSON.stringify(options)}`;
  const recording = record(scenario, { seed, db, ...options });
  const session = open(recording.session!);
  try {
    const replay = reexecute(session, scenario);
    expect(replay.result, name).toBe('identical');
    expect(replay.events, name).toBe(recording.events);
    expect(sameWorld(session.fold(), recording.world), `folded, ${name}`).toBe(true);
    expect(sameWorld(replay.world, recording.world), `re-executed, ${name}`).toBe(true);
    return { recording, schedule: session.schedule() };
  } finally {
    session.close();
  }
}

/** Tries every seed; each other drawing seed must be another schedule and another digest. */
export function trySeeds(scenario: Scenario, trial: Trial): Tried[] {
  const all = Array.from({ length: seedCount }, (_, i) => tryOne(scenario, i + 1, trial));
  const drawn = all.filter(({ recording }) => recording.strategy !== 'round-robin');
  expect(new Set(drawn.map(({ recording }) => recording.digest)).size).toBe(drawn.length);
  const random = all.filter(({ recording }) => recording.strategy === 'random');
  expect(new Set(random.map(({ schedule }) => schedule)).size).toBe(random.length);
  return all;
}

/** Every seed must pass. */
export function expectAllToPass(tried: readonly Tried[]): void {
  const failed = tried
    .filter(({ recording }) => recording.outcome !== 'passed')
    .map(({ recording: { seed, strategy, options, findings } }) => ({ seed, strategy, options, findings }));
  expect(failed).toEqual([]);
  expect(tried).toHaveLength(seedCount);
}
