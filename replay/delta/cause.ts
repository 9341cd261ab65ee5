import type { World } from '../../core/world.ts';
import type { Finding, RuleName } from '../../scheduler/finding.ts';
import { causeOf as textualCauseOf } from '../explore/cause.ts';
import { watchedRules } from '../rules.ts';
import type { Verdict } from './verdict.ts';

/**
 * What tells one failure from another, whatever the schedule: the rule; for what stops a program, whether it is
 * the app's, the dext's or the device's; for a scenario's check, what it says but for the numbers.
 */
export type Cause = string;

/** The causes of the findings that are errors. */
export function causesOf(findings: readonly Finding[], world: World): Set<Cause> {
  return new Set(findings.filter(({ severity }) => severity === 'error').map((finding) => causeOf(finding, world)));
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

/** Whether a run with these causes fails as wanted: it must show all of them, whatever else it shows. */
export function verdictOf(causes: ReadonlySet<Cause>, wanted: ReadonlySet<Cause>): Verdict {
  if (causes.size === 0) return 'pass';
  return wanted.size > 0 && [...wanted].every((cause) => causes.has(cause)) ? 'fail' : 'unresolved';
}

/** The rules that a run must be watched for to see the causes; what else there is, the run finds by itself. */
export function watchedOf(causes: ReadonlySet<Cause>): RuleName[] {
  return watchedRules.map(({ name }) => name).filter((name) => causes.has(name));
}
