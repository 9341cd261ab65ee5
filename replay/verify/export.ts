/** Sessions copied into a new file: as they are, or what is whole of them. */
import { existsSync } from 'node:fs';
import { InputError } from '../../core/errors.ts';
import { runsOf, ScheduleWriter } from '../../scheduler/schedule.ts';
import { Copy, type SessionParts } from '../../store/copy.ts';
import type { Mark } from '../../store/inserter.ts';
import { actorIn, Inspection, type RawEvent } from '../../store/inspection.ts';
import { eventsPerSession } from '../../store/schema.ts';
import type { ActorRow } from '../../store/seal.ts';
import { checkSession, type SessionCheck } from './session.ts';

export interface ExportOptions {
  /** The session to copy; all of the file by default. */
  readonly session?: number;
  /** Whether to copy what is whole of damaged sessions, marked as interrupted. Without, a damaged one is an error. */
  readonly repair?: boolean;
}

/** What became of a session. */
export interface Exported {
  readonly check: SessionCheck;
  /** How many of its events were copied. */
  readonly events: number;
}

/**
 * Copies sessions into a file that does not exist yet. They keep their numbers.
 * @throws {InputError} when the one file cannot be read or the other not be written, or a session is damaged and is not to be repaired
 */
export function exportSessions(file: string, out: string, options: ExportOptions = {}): Exported[] {
  if (existsSync(out)) throw new InputError(`${out}: exists already; name a new file`);
  const inspection = new Inspection(file);
  try {
    const ids = inspection.sessions().filter((id) => options.session === undefined || id === options.session);
    if (ids.length === 0) {
      const what = options.session === undefined ? 'session' : `session #${options.session}`;
      const readable = inspection.damage === undefined ? '' : ` that can be read: ${inspection.damage}`;
      throw new InputError(`${file}: has no ${what}${readable}`);
    }
    const checks = ids.map((id) => checkSession(inspection, id));
    const damaged = checks.find((check) => check.damages.length > 0);
    if (damaged !== undefined && options.repair !== true) {
      throw new InputError(
        `${file}#${damaged.id} is damaged: ${damaged.damages[0]!}; with --repair what is whole is copied`,
      );
    }
    const copy = new Copy(out);
    try {
      return checks.map((check) => attempt(inspection, copy, check));
    } finally {
      copy.close();
    }
  } finally {
    inspection.close();
  }
}

/** A session that cannot be copied keeps no other from it. */
function attempt(inspection: Inspection, copy: Copy, check: SessionCheck): Exported {
  try {
    return { check, events: copyOne(inspection, copy, check) };
  } catch (error) {
    if (check.damages.length === 0) throw error;
    const damages = [...check.damages, `it cannot be copied: ${(error as Error).message}`];
    return { check: { ...check, damages }, events: 0 };
  }
}

/** Copies what is whole of a session; evaluates to how many events that are. */
function copyOne(inspection: Inspection, copy: Copy, { id, row, whole, damages }: SessionCheck): number {
  if (row === undefined || (damages.length > 0 && whole.events === 0)) return 0;
  const { seal: _, ...rest } = row;
  const parts = damages.length > 0 ? wholeParts(inspection, rest, whole) : allParts(inspection, rest);
  copy.add(parts, firstEvents(inspection, id, whole.events));
  return whole.events;
}

function* firstEvents(inspection: Inspection, id: number, count: number): Generator<RawEvent, void, undefined> {
  if (count === 0) return;
  const last = id * eventsPerSession + count - 1;
  for (const event of inspection.events(id)) {
    yield event;
    if (event[0] === last) return;
  }
}

function allParts(inspection: Inspection, row: SessionParts['row']): SessionParts {
  const { id } = row;
  return {
    row,
    actors: inspection.actors(id),
    decisions: inspection.decisions(id),
    marks: inspection.marks(id),
    findings: inspection.findings(id),
  };
}

/** A session that was interrupted at its last whole mark. */
function wholeParts(inspection: Inspection, row: SessionParts['row'], whole: Mark): SessionParts {
  const actors: ActorRow[] = [];
  for (const event of firstEvents(inspection, row.id, whole.events)) {
    const actor = actorIn(event);
    if (actor !== undefined) actors.push(actor);
  }
  const writer = new ScheduleWriter();
  for (const actor of firstDecisions(inspection, row.id, whole.decisions)) writer.push(actor);
  const { count } = writer;
  const { events, steps, digest } = whole;
  return {
    row: { ...row, outcome: 'interrupted', result: null, ended_at: null, events, steps, decisions: count, digest },
    actors,
    decisions: count === 0 ? [] : [{ first: 0, bytes: writer.take() }],
    marks: marksUpTo(inspection, row.id, events),
    findings: [],
  };
}

/** The decisions, as far as they can be read: a replay compares up to where they end. */
function* firstDecisions(inspection: Inspection, id: number, count: number): Generator<number, void, undefined> {
  let left = count;
  try {
    for (const { first, bytes } of inspection.decisions(id)) {
      if (first !== count - left) return;
      for (const [actor, length] of runsOf(bytes)) {
        for (let run = Math.min(length, left); run > 0; run -= 1) yield actor;
        left = Math.max(left - length, 0);
      }
    }
  } catch {
    // The rest is lost.
  }
}

/** Marks that the events agree with; they are only an aid, so those that cannot be read are left out. */
function marksUpTo(inspection: Inspection, id: number, events: number): Mark[] {
  try {
    return inspection.marks(id).filter((mark) => mark.events <= events);
  } catch {
    return [];
  }
}
