/** A scenario under many seeds, strategies and machines: what must hold of every single run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { open, record, reexecute, sameWorld, type Options, type Recording, type Scenario } from '../../index.ts';

/** Runs of each example. */
export const seedCount = 1_000;

const strategies = ['random', 'timed', 'round-robin'] as const;
const pageSizes = [16_384, 4_096] as const;
const mappers = ['dart', 'vtd', 'none'] as const;

/** The machine of a seed: every combination comes up. Wide accesses keep the runs short. */
function machineOf(seed: number, keepMapper: boolean): Options {
  return {
    'machine.pageSize': pageSizes[seed % 2]!,
    ...(keepMapper ? {} : { 'machine.mapper': mappers[Math.floor(seed / 2) % 3]! }),
    'machine.storeWidth': 256,
    'machine.beat': 256,
  };
}

/** Seeds 0 to 999 of a scenario: each is recorded, folded and re-executed, and all worlds are the same. */
export function manySeeds(
  scenario: Scenario,
  set: Options,
  each: (recording: Recording, seed: number) => void,
  keepMapper = false,
): void {
  const folder = mkdtempSync(join(tmpdir(), 'dextrace-seeds-'));
  const digests = new Set<string>();
  try {
    for (let seed = 0; seed < seedCount; seed += 1) {
      const strategy = strategies[seed % strategies.length]!;
      // A file of a hundred sessions is opened faster than one of a thousand.
      const db = join(folder, `${Math.floor(seed / 100)}.db`);
      const recording = record(scenario, { db, seed, strategy, set: { ...set, ...machineOf(seed, keepMapper) } });
      const session = open(recording.session!);
      const replay = reexecute(session, scenario);
      const folded = session.fold();
      session.close();
      const same =
        replay.result === 'identical' && sameWorld(folded, recording.world) && sameWorld(replay.world, recording.world);
      if (!same) expect.fail(`seed ${seed}, ${strategy}: ${JSON.stringify(replay.divergence)}`);
      each(recording, seed);
      digests.add(recording.digest);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  // Round-robin draws nothing: only its machines differ. The rest are schedules of their own.
  expect(digests.size).toBeGreaterThan((seedCount * 2) / 3 - 10);
}

/** For the examples without a bug: no seed finds anything. */
export function alwaysPasses({ outcome, findings }: Recording, seed: number): void {
  if (outcome !== 'passed') expect.fail(`seed ${seed}: ${findings.map(({ message }) => message).join('; ')}`);
}
