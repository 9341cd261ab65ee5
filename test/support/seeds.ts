import { record, type Outcome, type Scenario } from '../../index.ts';

/** The first seed under which the scenario ends so. */
export function seedThat(
  outcome: Outcome,
  scenario: Scenario,
  { seeds = 300, strategy = 'random' }: { seeds?: number; strategy?: string } = {},
): number | undefined {
  for (let seed = 1; seed <= seeds; seed += 1) {
    if (record(scenario, { seed, strategy, maxSteps: 200_000 }).outcome === outcome) return seed;
  }
  return undefined;
}
