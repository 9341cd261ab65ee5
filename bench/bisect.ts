/** How many executions it takes to bring two long runs down to the one pair of steps that matters. */
import { bisect, record, type Bisection } from 'dextrace';
import race from '../examples/late-write-race.ts';

/** Narrow beats and stores make a long run: over 100,000 steps that can come in any order. */
const set = { size: 400 * 1024, 'machine.beat': 4, 'machine.storeWidth': 4 };

/** The first seed whose run ends so. */
function seedThat(outcome: 'passed' | 'failed'): number {
  for (let seed = 1; ; seed += 1) if (record(race, { seed, set }).outcome === outcome) return seed;
}

/** Bisects the late write between the first seed that passes and the first that fails. */
export function bisectLong(): Bisection {
  return bisect(race, { seed: seedThat('passed'), set }, { seed: seedThat('failed'), set });
}
