import { existsSync } from 'node:fs';
import { modelVersion } from '../../core/events.ts';
import type { Options } from '../../core/scenario.ts';
import type { RuleName } from '../../scheduler/finding.ts';
import { Reader } from '../../store/reader.ts';
import { watchedRules } from '../rules.ts';
import { open } from '../session.ts';

/** A failing execution that a file holds, or that somebody gives. */
export interface StoredFailure {
  /** `FILE#ID`; empty when it is in no file. */
  readonly session: string;
  readonly seed: string;
  readonly set: Options;
  readonly schedule: string;
  readonly timed: boolean;
  /** What found it, to be watched for again. */
  readonly rules?: readonly RuleName[];
}

/** The newest are run; older ones are most likely theirs, or mended. */
const mostStored = 50;

/** The failing sessions of a scenario, the newest first, each schedule once. */
export function storedFailures(file: string, scenario: string): StoredFailure[] {
  if (!existsSync(file)) return [];
  const reader = new Reader(file);
  const rows = reader.sessions();
  reader.close();
  const failures = new Map<string, StoredFailure>();
  for (const row of rows.toReversed()) {
    if (failures.size === mostStored) break;
    if (row.outcome !== 'failed' || row.scenario !== scenario || row.model_version !== modelVersion) continue;
    const session = open(`${file}#${row.id}`);
    const { options: set } = session;
    const schedule = session.schedule();
    const found = new Set(session.findings().map(({ rule }) => rule));
    session.close();
    const key = JSON.stringify([row.seed, set, schedule]);
    const timed = row.strategy === 'timed';
    const rules = watchedRules.map(({ name }) => name).filter((rule) => found.has(rule));
    if (!failures.has(key)) failures.set(key, { session: session.name, seed: row.seed, set, schedule, timed, rules });
  }
  return [...failures.values()];
}
