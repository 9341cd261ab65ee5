/** A run, step by step, for who must look in between. */
import type { Scenario } from '../../index.ts';
import { stream } from '../../scheduler/random.ts';
import type { Observer } from '../../scheduler/observer.ts';
import { Run } from '../../scheduler/run.ts';
import { strategies, type StrategyName } from '../../scheduler/strategies.ts';

const nobody: Observer = { event: () => {}, decision: () => {} };

/** Sets up a run, up to just before its first step. */
export function begin(scenario: Scenario, seed: number, strategy: StrategyName, observer: Observer = nobody): Run {
  const pick = strategies[strategy](stream(String(seed), 'schedule'));
  return new Run(scenario.build({}), pick, stream(String(seed), 'latency'), observer, 200_000);
}
