import { evolve } from '../../core/evolve.ts';
import { kindNumbers } from '../../core/events.ts';
import { emptyWorld } from '../../core/world.ts';
import type { Finding, RuleName } from '../../scheduler/finding.ts';
import { watchedRules } from '../rules.ts';
import type { Session } from '../session.ts';
import { Watcher } from '../watcher.ts';

/** The first finding of a rule in a session: a recorded one, or what watching the events again comes to. */
export function firstFinding(session: Session, rule: RuleName): Pick<Finding, 'seq' | 'message'> | undefined {
  const recorded = session.findings().find((finding) => finding.rule === rule);
  if (recorded !== undefined || !watchedRules.some(({ name }) => name === rule)) return recorded;
  const watcher = new Watcher([rule]);
  const world = emptyWorld();
  for (const { event, actor, tick } of session.events()) {
    const kind = kindNumbers.get(event.kind)!;
    watcher.event(event, kind, actor, tick, world);
    evolve(world, event, actor, tick, kind);
  }
  watcher.end(world);
  return watcher.findings()[0];
}
