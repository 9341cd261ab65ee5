/** The rules that a run finds. */
import type { RecordOptions } from '../../index.ts';
import { misuseRules } from '../../replay/rules.ts';
import { runAnyhow, type Setup } from './run.ts';

/** Runs with all rules but races, which `races: true` adds; evaluates to the names of those that found something, sorted. */
export function found<R>(setup: Setup<R>, options: RecordOptions = {}): string[] {
  const { findings } = runAnyhow(setup, { rules: misuseRules.map(({ name }) => name), ...options });
  return [...new Set(findings.map(({ rule }) => rule))].toSorted();
}
