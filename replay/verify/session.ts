/** One session of a file that may be damaged: what of it is whole, and what is not. */
import { modelVersion } from '../../core/events.ts';
import { runsOf } from '../../scheduler/schedule.ts';
import { sealOf } from '../../store/copy.ts';
import { actorIn, RawDigest, wrongIn, type Inspection, type RawEvent } from '../../store/inspection.ts';
import type { Mark } from '../../store/inserter.ts';
import type { SessionRow } from '../../store/reader.ts';
import { eventsPerSession } from '../../store/schema.ts';
import type { ActorRow } from '../../store/seal.ts';

/** What is known of a session. */
export interface SessionCheck {
  readonly id: number;
  /** Its row, as far as it can be read. */
  readonly row: SessionRow | undefined;
  /** Up to where its events are certainly those that were recorded: its end, or a mark. */
  readonly whole: Mark;
  /** What is wrong with it; nothing when it is whole. */
  readonly damages: readonly string[];
}

const nothing: Mark = { events: 0, steps: 0, decisions: 0, digest: new RawDigest().value() };

/** How far the events of a session are those that were recorded. */
interface EventsCheck {
  /** The last place where the digest agrees: the end of the session, or a mark. */
  readonly whole: Mark;
  readonly actors: readonly ActorRow[];
}

/** Looks at all that is stored of a session. */
export function checkSession(inspection: Inspection, id: number): SessionCheck {
  const damages: string[] = [];
  const guarded = <T>(what: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      damages.push(`${what} cannot be read: ${(error as Error).message}`);
      return undefined;
    }
  };
  const row = guarded('its row', () => inspection.row(id));
  if (row === undefined) {
    if (damages.length === 0) damages.push('its row is missing');
    return { id, row, whole: nothing, damages };
  }
  if (row.model_version !== modelVersion) {
    damages.push(
      `cannot be judged: it says that it was recorded by model version ${row.model_version}, this is version ${modelVersion}`,
    );
    return { id, row, whole: nothing, damages };
  }
  const events = guarded('its events', () => checkEvents(inspection, row, damages));
  guarded('its actors', () => checkActors(inspection, row, events, damages));
  guarded('its decisions', () => checkDecisions(inspection, row, damages));
  guarded('its findings', () => checkFindings(inspection, row, damages));
  guarded('its seal', () => checkSeal(inspection, row, damages));
  return { id, row, whole: events?.whole ?? nothing, damages };
}

function checkEvents(inspection: Inspection, row: SessionRow, damages: string[]): EventsCheck {
  const marks = new Map(inspection.marks(row.id).map((mark) => [mark.events, mark]));
  const digest = new RawDigest();
  const actors: ActorRow[] = [];
  let whole = nothing;
  let wrongMark: number | undefined;
  let count = 0;
  let tick = 0;
  for (const event of readable(inspection.events(row.id), damages)) {
    const seq = (event[0] as number) - row.id * eventsPerSession;
    if (seq !== count) {
      damages.push(`event ${count} is missing`);
      break;
    }
    const wrong = wrongIn(event, tick);
    if (wrong !== undefined) {
      damages.push(`event ${seq} is damaged: ${wrong}`);
      break;
    }
    digest.add(event);
    tick = event[1] as number;
    const actor = actorIn(event);
    if (actor !== undefined) actors.push(actor);
    count += 1;
    const mark = marks.get(count);
    if (mark === undefined || wrongMark !== undefined) continue;
    if (mark.digest === digest.value()) whole = mark;
    else wrongMark = count;
  }
  const ended = damages.length > 0;
  if (!ended && count !== row.events) damages.push(`it says that it has ${row.events} events, but there are ${count}`);
  if (!ended && count === row.events && digest.value() === row.digest) {
    if (wrongMark !== undefined) damages.push(`its mark after ${wrongMark} events is damaged`);
    whole = { events: count, steps: row.steps, decisions: row.decisions, digest: row.digest };
  } else if (!ended) {
    damages.push(
      wrongMark === undefined
        ? 'its events do not have its digest'
        : `its events do not have its digest: the first that differs is one of ${whole.events} to ${wrongMark - 1}`,
    );
  }
  return { whole, actors };
}

/** The events, until they cannot be read any further. */
function* readable(events: Iterable<RawEvent>, damages: string[]): Generator<RawEvent, void, undefined> {
  try {
    yield* events;
  } catch (error) {
    damages.push(`its events cannot all be read: ${(error as Error).message}`);
  }
}

function checkActors(
  inspection: Inspection,
  row: SessionRow,
  events: EventsCheck | undefined,
  damages: string[],
): void {
  if (events === undefined || events.whole.events !== row.events) return; // there is nothing to hold them against
  const said = inspection.actors(row.id).map(({ id, name, role }) => JSON.stringify([id, name, role]));
  const made = events.actors.map(({ id, name, role }) => JSON.stringify([id, name, role]));
  if (said.join() !== made.join()) damages.push('its actors are not those that its events make');
}

function checkDecisions(inspection: Inspection, row: SessionRow, damages: string[]): void {
  let count = 0;
  for (const { first, bytes } of inspection.decisions(row.id)) {
    if (first !== count) damages.push(`decision ${count} is missing`);
    for (const [, length] of runsOf(bytes)) count += length;
  }
  if (count !== row.decisions) damages.push(`it says that it has ${row.decisions} decisions, but there are ${count}`);
}

function checkFindings(inspection: Inspection, row: SessionRow, damages: string[]): void {
  const findings = inspection.findings(row.id);
  findings.forEach(({ number, seq }, at) => {
    if (number !== at) damages.push(`finding ${at} is missing`);
    if (seq >= Math.max(row.events, 1)) {
      damages.push(`finding ${at} is after event ${seq}, but there are ${row.events} events`);
    }
  });
  if (row.outcome === 'interrupted') return;
  const outcome = findings.some(({ severity }) => severity === 'error') ? 'failed' : 'passed';
  if (row.outcome !== outcome) damages.push(`it says that it ${row.outcome}, but by its findings it ${outcome}`);
}

function checkSeal(inspection: Inspection, row: SessionRow, damages: string[]): void {
  const { id } = row;
  const seal = sealOf({
    row,
    actors: inspection.actors(id),
    decisions: inspection.decisions(id),
    marks: inspection.marks(id),
    findings: inspection.findings(id),
  });
  if (seal === row.seal) return;
  damages.push(
    'its row, actors, decisions, marks or findings are not as they were recorded: they do not have its seal',
  );
}
