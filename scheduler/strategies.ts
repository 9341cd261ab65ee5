import { pct } from './strategies/pct.ts';
import { pos } from './strategies/pos.ts';
import { random } from './strategies/random.ts';
import { roundRobin } from './strategies/round-robin.ts';
import { timed } from './strategies/timed.ts';
import type { StrategyFactory } from './strategy.ts';

/** Every strategy, by the name that `--strategy` takes. */
export const strategies = { random, pos, pct, 'round-robin': roundRobin, timed } as const satisfies Record<
  string,
  StrategyFactory
>;

export type StrategyName = keyof typeof strategies;
export const strategyNames: readonly StrategyName[] = Object.keys(strategies) as StrategyName[];

/** Those that must be told about how long a run is. */
export const rehearsed: ReadonlySet<StrategyName> = new Set(['pct']);
