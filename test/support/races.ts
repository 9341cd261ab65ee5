/** What a scenario finds under many schedules. */
import { record, type Options, type Scenario } from '../../index.ts';

/** The rules that any of the seeds finds, sorted, and how many of the seeds find something. */
export interface FoundBySeeds {
  readonly rules: readonly string[];
  readonly seeds: number;
}

/** Nothing, by no seed. */
export const none: FoundBySeeds = { rules: [], seeds: 0 };

/** Records under seeds 0, 1, … with races alone; a failing check is no matter here. */
export function racesOf(
  scenario: Scenario,
  { set = {}, seeds = 40 }: { set?: Options; seeds?: number } = {},
): FoundBySeeds {
  const found = Array.from({ length: seeds }, (_, seed) =>
    record(scenario, { seed, set, rules: [], races: true }).findings.filter(({ rule }) => rule !== 'check'),
  );
  const rules = new Set(found.flat().map(({ rule }) => rule));
  return { rules: [...rules].toSorted(), seeds: found.filter(({ length }) => length > 0).length };
}
