import { InputError } from '../../core/errors.ts';
import { firstFinding } from '../../replay/delta/first-finding.ts';
import { bytesAre, checkFails, eventsWhileMapped, expressionHolds, parseBytes } from '../../replay/delta/predicates.ts';
import { firstTurn, type Turned } from '../../replay/delta/turn.ts';
import { formatEvent } from '../../replay/format.ts';
import { record } from '../../replay/record.ts';
import { open, type Session } from '../../replay/session.ts';
import type { RecordedEvent } from '../../store/reader.ts';
import { grouped, print, printJson } from '../output.ts';
import { mustLeaveAsRecorded, ruleNamed, subjectOfSession, type RunFlags } from '../subject.ts';

export interface TimeFlags extends RunFlags {
  readonly check?: true;
  readonly atAddress?: string;
  readonly when?: string;
  readonly json?: true;
}

/** `dextrace bisect --time`. */
export async function bisectTime(name: string, flags: TimeFlags): Promise<void> {
  const asked = [flags.check, flags.finding, flags.atAddress, flags.when].filter((one) => one !== undefined);
  if (asked.length !== 1)
    throw new InputError('--time needs one of --check, --finding RULE, --at-address BYTES and --when EXPRESSION');
  const session = open(name);
  try {
    mustLeaveAsRecorded(session, flags);
    if (flags.finding !== undefined) printFinding(session, flags.finding, flags);
    else printTurn(session, await turnOf(session, flags), flags);
  } finally {
    session.close();
  }
}

async function turnOf(session: Session, flags: TimeFlags): Promise<Turned> {
  if (flags.when !== undefined) return firstTurn(session, expressionHolds(flags.when));
  if (flags.atAddress !== undefined) {
    const bytes = parseBytes(flags.atAddress);
    return firstTurn(session, bytesAre(bytes), eventsWhileMapped(session, bytes));
  }
  const { scenario, run } = await subjectOfSession(session, flags);
  const { result } = record(scenario, run);
  return firstTurn(session, checkFails(scenario.build(run.set ?? {}), result));
}

function printFinding(session: Session, rule: string, { json }: TimeFlags): void {
  const found = firstFinding(session, ruleNamed(rule));
  if (found === undefined) throw new InputError(`${session.name}: ${rule} finds nothing in it`);
  const { value: recorded } = session.events({ from: found.seq, to: found.seq }).next();
  if (json === true) printJson('time', { session: session.name, rule, event: recorded, message: found.message });
  else print(`${eventLine(session, recorded!)}\n${rule}: ${found.message}`);
}

function printTurn(session: Session, { recorded, looks, held, follow }: Turned, { json }: TimeFlags): void {
  if (json === true) {
    printJson('time', { session: session.name, event: recorded, looks, held, follow });
    return;
  }
  print(eventLine(session, recorded));
  const stays =
    held === follow ? `after each of the ${grouped(follow)}` : `${grouped(held)} times in the ${grouped(follow)}`;
  print(`false before it, true after it, and ${stays} events that follow; ${grouped(looks)} worlds looked at`);
}

function eventLine(session: Session, { seq, actor, event }: RecordedEvent): string {
  return `turns at event ${seq}, by ${session.actors().get(actor) ?? `actor ${actor}`}: ${event.kind}  ${formatEvent(event)}`;
}
