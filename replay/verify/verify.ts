/** Whether a file is as it was recorded. */
import { isDeepStrictEqual } from 'node:util';
import { InputError } from '../../core/errors.ts';
import { emptyWorld } from '../../core/world.ts';
import { eventsPerCheckpoint } from '../../store/checkpoints.ts';
import { Inspection } from '../../store/inspection.ts';
import { foldInto } from '../fold.ts';
import { open } from '../session.ts';
import { checkSession, type SessionCheck } from './session.ts';

/** What a look at a file has shown. */
export interface Verification {
  readonly file: string;
  /** Whether nothing is wrong. */
  readonly whole: boolean;
  /** What is wrong with the file itself. */
  readonly damages: readonly string[];
  readonly sessions: readonly SessionCheck[];
}

/**
 * Holds all that a file says against its digests and seals, and the checkpoints beside it against a fold.
 * @throws {InputError} when there is no such file
 */
export function verify(file: string): Verification {
  const inspection = new Inspection(file);
  try {
    const damages = [
      ...(inspection.damage === undefined ? [] : [inspection.damage]),
      ...trying('the database', () => inspection.integrity()),
      ...trying('the structure', () => inspection.structure()),
    ];
    const sessions = inspection.sessions().map((id) => checkSession(inspection, id));
    const mended = inspection.damage !== undefined;
    const checked = sessions.map((check) =>
      mended || check.damages.length > 0 ? check : withCheckpoints(file, check),
    );
    const whole = damages.length === 0 && checked.every((check) => check.damages.length === 0);
    return { file, whole, damages, sessions: checked };
  } finally {
    inspection.close();
  }
}

function trying(what: string, work: () => string[]): string[] {
  try {
    return work();
  } catch (error) {
    return [`${what} cannot be read: ${(error as Error).message}`];
  }
}

/** A whole session, folded, and held against the checkpoints that there are of it. */
function withCheckpoints(file: string, check: SessionCheck): SessionCheck {
  const damages: string[] = [];
  try {
    const session = open(`${file}#${check.id}`);
    try {
      const world = emptyWorld();
      let from = 0;
      for (const { events, digest } of session.marks()) {
        if (events % eventsPerCheckpoint !== 0) continue;
        const kept = session.checkpoints.find(digest);
        if (kept === undefined) continue;
        foldInto(world, session.events({ from, to: events - 1 }), session.name);
        from = events;
        if (!isDeepStrictEqual(kept, world))
          damages.push(`the checkpoint after ${events} events is wrong: delete ${session.checkpoints.file}`);
      }
    } finally {
      session.close();
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    damages.push(error.message);
  }
  return { ...check, damages };
}
