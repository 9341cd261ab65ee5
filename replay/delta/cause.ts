import { InputError } from '../../core/errors.ts';
import type { World } from '../../core/world.ts';
import type { Finding, RuleName } from '../../scheduler/finding.ts';
import { causeOf as textualCauseOf } from '../explore/cause.ts';
import type { Verdict } from './verdict.ts';

/**
 * What tells one failure from another, whatever the schedule: the rule; for what stops a program, whether it is
 * the app's, the dext's or the device's; for a scenario's check, what it says but for the numbers.
 */
export type Cause = string;

/** What a run shows: an error, or a warning that is looked for. */
export interface Failure {
  readonly rule: RuleName;
  readonly cause: Cause;
}

/** What a run fails by, in the order of the events that showed it; warnings only of the rule that is `named`. */
export function failuresOf(findings: readonly Finding[], world: World, named?: RuleName): Failure[] {
  return findings
    .filter(({ severity, rule }) => severity === 'error' || rule === named)
    .toSorted((a, b) => a.seq - b.seq)
    .map((finding) => ({ rule: finding.rule, cause: causeOf(finding, world) }));
}

function causeOf(finding: Finding, world: World): Cause {
  const { rule, actors } = finding;
  switch (rule) {
    case 'crash':
    case 'panic':
    case 'program-error':
      return `${rule} ${actors.map((actor) => world.actors.get(actor)?.role).join(' ')}`;
    case 'check':
      return textualCauseOf(finding);
    default:
      return rule;
  }
}

/**
 * What to look for in other runs: the first failure, or the first by a rule. What else a run shows mostly follows from it.
 * @throws {InputError} when there is none
 */
export function failureToPursue(failures: readonly Failure[], rule: RuleName | undefined): Failure {
  const first = rule === undefined ? failures[0] : failures.find((failure) => failure.rule === rule);
  if (first !== undefined) return first;
  throw new InputError(rule === undefined ? 'the run does not fail' : `the run does not fail by ${rule}`);
}

/** Whether a run fails as wanted: it may fail otherwise too. One that fails only in ways that are `borne` passes. */
export function verdictOf(
  failures: readonly Failure[],
  wanted: Failure | undefined,
  borne: ReadonlySet<Cause> = new Set(),
): Verdict {
  if (wanted !== undefined && failures.some(({ cause }) => cause === wanted.cause)) return 'fail';
  return failures.every(({ cause }) => borne.has(cause)) ? 'pass' : 'unresolved';
}
