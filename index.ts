/** dextrace: what scenarios, tests and tools import. */
export * from './core/index.ts';
export * from './replay/index.ts';
export { ruleMeanings, type Finding, type RuleName, type Severity } from './scheduler/finding.ts';
export { strategyNames, type StrategyName } from './scheduler/strategies.ts';
export type { EventFilter, RecordedEvent, SessionRow } from './store/reader.ts';
