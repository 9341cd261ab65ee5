/** dextrace: what scenarios, tests and tools import. */
export * from './core/index.ts';
export * from './replay/index.ts';
export type { Finding, Rule } from './scheduler/finding.ts';
export { strategyNames, type StrategyName } from './scheduler/strategies.ts';
export type { EventFilter, RecordedEvent, SessionRow } from './store/reader.ts';
