import { InputError } from '../core/errors.ts';
import { emptyWorld, type World } from '../core/world.ts';
import type { Options } from '../core/scenario.ts';
import { decisionsOf, formatSchedule, ScheduleWriter } from '../scheduler/schedule.ts';
import { Checkpoints } from '../store/checkpoints.ts';
import type { Mark } from '../store/inserter.ts';
import { Reader, type EventFilter, type RecordedEvent, type SessionRow } from '../store/reader.ts';
import { foldInto } from './fold.ts';
import { Timeline } from './timeline.ts';

/** The file that `#ID` alone stands for. */
export const defaultFile = 'dextrace.db';

/**
 * Splits `FILE#ID`, `#ID` or `FILE`; without an id, the file's newest session is meant.
 * @throws {InputError} when it is none of these
 */
export function parseSession(name: string): { file: string; id: number | undefined } {
  const match = /^(.*?)(?:#(\d+))?$/s.exec(name);
  if (match === null || name === '' || (match[2] === undefined && name.includes('#'))) {
    throw new InputError(`"${name}" names no session: write FILE#ID, or #ID for a session in ${defaultFile}`);
  }
  return { file: match[1] === '' ? defaultFile : match[1]!, id: match[2] === undefined ? undefined : Number(match[2]) };
}

/** A recorded session, open for reading. */
export class Session {
  /** `FILE#ID`. */
  readonly name: string;
  readonly row: SessionRow;
  private readonly reader: Reader;
  private kept: Checkpoints | undefined;

  constructor(reader: Reader, row: SessionRow) {
    this.reader = reader;
    this.row = row;
    this.name = `${reader.file}#${row.id}`;
  }

  /** What was set differently from the scenario's defaults. */
  get options(): Options {
    try {
      return JSON.parse(this.row.options) as Options;
    } catch (error) {
      throw new InputError(`${this.name}: its options cannot be read: the session is damaged`, { cause: error });
    }
  }

  /** The events, in order. */
  events(filter?: EventFilter): Generator<RecordedEvent, void, undefined> {
    return this.reader.events(this.row, filter);
  }

  /** One event. @throws {InputError} when there is none of that number */
  event(seq: number): RecordedEvent {
    const { value } = this.events({ from: seq, to: seq }).next();
    if (value === undefined) {
      throw new InputError(`${this.name} has events 0 to ${this.row.events - 1}; there is no event ${seq}`);
    }
    return value;
  }

  /** The actors picked where more than one could have moved. */
  *decisions(): Generator<number, void, undefined> {
    let count = 0;
    for (const chunk of this.reader.decisions(this.row.id)) {
      for (const actor of decisionsOf(chunk)) {
        count += 1;
        if (count > this.row.decisions) {
          throw new InputError(
            `${this.name}: has more decisions than its ${this.row.decisions}: the session is damaged`,
          );
        }
        yield actor;
      }
    }
  }

  /** The decisions as a string that can be pasted. */
  schedule(): string {
    const writer = new ScheduleWriter();
    for (const actor of this.decisions()) writer.push(actor);
    return formatSchedule(writer.take());
  }

  /** Names of the actors, by number. */
  actors(): Map<number, string> {
    return this.reader.actors(this.row.id);
  }

  findings(): ReturnType<Reader['findings']> {
    return this.reader.findings(this.row.id);
  }

  /**
   * Folds the session: the world after `count` events, by default all of them. No code of the scenario runs.
   * @throws {InputError} when the session has fewer events
   */
  fold(count: number = this.row.events): World {
    if (!Number.isInteger(count) || count < 0 || count > this.row.events) {
      throw new InputError(`${this.name} has ${this.row.events} events; there is no world after ${count}`);
    }
    const world = emptyWorld();
    foldInto(world, this.events({ to: count - 1 }), this.name);
    return world;
  }

  /** How far the session was after that many events, and their digest: where there is a mark. */
  mark(events: number): Mark | undefined {
    return this.reader.mark(this.row.id, events);
  }

  /** All marks: how many events, and their digest. */
  marks(): Mark[] {
    return this.reader.marks(this.row.id);
  }

  /** Worlds kept beside the file. */
  get checkpoints(): Checkpoints {
    return (this.kept ??= new Checkpoints(this.reader.file));
  }

  /** Immutable worlds, for going through the session. */
  timeline(): Timeline {
    return new Timeline(this);
  }

  close(): void {
    this.kept?.close();
    this.reader.close();
  }
}

/**
 * Opens a session by its name: `FILE#ID`, `#ID` in the default file, or `FILE` for its newest session.
 * @throws {InputError} when there is no such file or session, or it cannot be read
 */
export function open(name: string): Session {
  const { file, id } = parseSession(name);
  const reader = new Reader(file);
  try {
    const row = id === undefined ? reader.sessions().at(-1) : reader.session(id);
    if (row === undefined) throw new InputError(`${file}: has no session yet`);
    return new Session(reader, row);
  } catch (error) {
    reader.close();
    throw error;
  }
}
