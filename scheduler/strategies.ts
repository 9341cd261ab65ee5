import { random } from './strategies/random.ts';
import { roundRobin } from './strategies/round-robin.ts';
import { timed } from './strategies/timed.ts';
import type { StrategyFactory } from './strategy.ts';

/** Every strategy, by the name that `--strategy` takes. */
export const strategies = { random, 'round-robin': roundRobin, timed } as const satisfies Record<
  string,
  StrategyFactory
>;

export type StrategyName = keyof typeof strategies;
export const strategyNames: readonly StrategyName[] = Object.keys(strategies) as StrategyName[];
