/**
 * Two sessions held against each other by what each actor did. Both are gone through side by side, once: memory
 * goes by what the two worlds hold, not by the number of events, of which a few numbers each are kept in columns.
 */
import { modelVersion } from '../../core/events.ts';
import { CannotJudge } from '../../core/errors.ts';
import type { RecordedEvent } from '../../store/reader.ts';
import { unfit } from '../fold.ts';
import { sameEvent } from '../replay.ts';
import type { Session } from '../session.ts';
import { Alignment } from './alignment.ts';
import { Pool } from './column.ts';
import { Contents } from './compare-contents.ts';
import { dataDifferences } from './data.ts';
import { mirror } from './mirror.ts';
import { operationGroups } from './operations.ts';
import { optionDifferences } from './options.ts';
import { pairGroups } from './pairs.ts';
import { findingDifferences } from './findings.ts';
import type { ConsequenceCount, Diff } from './result.ts';
import { partingOf } from './parting.ts';
import { tellerOf } from './teller.ts';
import { Walk } from './walk.ts';

export interface DiffOptions {
  /** Called now and then with the events gone through so far, of both. */
  readonly onProgress?: (events: number) => void;
}

/** Events of one side before the other's turn, once they differ: many, for rows that are read and then wait cost most. */
const turn = 65_536;

/** A session under way. */
interface Side {
  readonly session: Session;
  readonly walk: Walk;
  readonly events: Iterator<RecordedEvent, void>;
}

/**
 * Says how two sessions differ, of one scenario or of two versions of it.
 * @throws {CannotJudge} when one was recorded by another version of the model
 * @throws {InputError} when one cannot be read
 */
export function diff(a: Session, b: Session, options: DiffOptions = {}): Diff {
  if (a.row.digest === b.row.digest && a.row.events === b.row.events) return sameEvents(a, b);
  for (const { name, row } of [a, b]) {
    if (row.model_version !== modelVersion) {
      throw new CannotJudge(
        `${name} was recorded by model version ${row.model_version}, this is version ${modelVersion}; use the dextrace that recorded it (${row.dextrace})`,
      );
    }
  }
  // Always the same way round, so that which of several shortest ways is found does not depend on who comes first.
  const swapped = a.row.digest > b.row.digest;
  const found = swapped ? differing(b, a, options) : differing(a, b, options);
  return swapped ? mirror(found) : found;
}

function differing(a: Session, b: Session, options: DiffOptions): Diff {
  const pool = new Pool();
  try {
    const first = compare(a, b, pool, options);
    const renaming = first.alignment.renaming();
    if (renaming === undefined) return tell(a, b, first);
    // Somebody made more here than there: what comes after has other numbers, so b is told in a's.
    return tell(a, b, compare(a, b, pool, options, renaming));
  } finally {
    pool.close();
  }
}

interface Compared {
  readonly a: Walk;
  readonly b: Walk;
  readonly contents: Contents;
  readonly alignment: Alignment;
  /** Where the first events that differ are; undefined when there are none but for their times. */
  readonly parting: number | undefined;
}

/** Goes through both, side by side. */
function compare(
  a: Session,
  b: Session,
  pool: Pool,
  { onProgress }: DiffOptions,
  renaming?: ReturnType<Alignment['renaming']>,
): Compared {
  const contents = new Contents();
  const left: Side = {
    session: a,
    walk: new Walk(pool, (content) => contents.add('a', content)),
    events: a.events(),
  };
  const right: Side = {
    session: b,
    walk: new Walk(pool, (content) => contents.add('b', content), renaming),
    events: b.events(),
  };
  let parting: number | undefined;
  let inA = next(left);
  let inB = next(right);
  while (parting === undefined && (inA !== undefined || inB !== undefined)) {
    if (inA === undefined || inB === undefined || inA.actor !== inB.actor || !sameEvent(inA.event, inB.event))
      parting = (inA ?? inB)!.seq;
    if (inA !== undefined) step(left, inA);
    if (inB !== undefined) step(right, inB);
    if (parting !== undefined) break;
    if (left.walk.seq % turn === 0) onProgress?.(left.walk.seq + right.walk.seq);
    inA = next(left);
    inB = next(right);
  }
  for (let more = true; more;) {
    const moreInA = goOn(left);
    more = goOn(right) || moreInA;
    onProgress?.(left.walk.seq + right.walk.seq);
  }
  left.walk.finish();
  right.walk.finish();
  return { a: left.walk, b: right.walk, contents, alignment: new Alignment(left.walk, right.walk), parting };
}

function next(side: Side): RecordedEvent | undefined {
  const { done, value } = side.events.next();
  return done === true ? undefined : value;
}

/** One side's turn; evaluates to whether there may be more. */
function goOn(side: Side): boolean {
  for (let left = turn; left > 0; left -= 1) {
    const recorded = next(side);
    if (recorded === undefined) return false;
    step(side, recorded);
  }
  return true;
}

/** @throws {InputError} when the event does not fit the world before it */
function step({ session, walk }: Side, recorded: RecordedEvent): void {
  try {
    walk.step(recorded);
  } catch (error) {
    throw unfit(session.name, recorded.seq, error);
  }
}

function tell(a: Session, b: Session, { a: left, b: right, contents, alignment, parting }: Compared): Diff {
  const teller = { a: tellerOf(a, left.names), b: tellerOf(b, right.names) };
  const operations = operationGroups(left, right, alignment, teller);
  const data = dataDifferences(left, right, alignment, contents, teller);
  const findings = findingDifferences(a, b);
  const different =
    operations.onlyA + operations.onlyB + operations.changed + operations.saw + data.bytes > 0 ||
    findings.a.length + findings.b.length > 0 ||
    a.row.outcome !== b.row.outcome ||
    a.row.result !== b.row.result;
  return {
    result: different ? 'different' : 'reordered',
    ...about(a, b),
    parting: partingOf(a, b, parting, teller),
    operations,
    consequences: consequenceCounts(left, right),
    pairs: pairGroups(left, right, alignment, teller),
    data,
    findings,
  };
}

function about(
  a: Session,
  b: Session,
): Pick<Diff, 'names' | 'events' | 'digests' | 'options' | 'outcomes' | 'results'> {
  return {
    names: { a: a.name, b: b.name },
    events: { a: a.row.events, b: b.row.events },
    digests: { a: a.row.digest, b: b.row.digest },
    options: optionDifferences(a, b),
    outcomes: { a: a.row.outcome, b: b.row.outcome },
    results: { a: a.row.result, b: b.row.result },
  };
}

/** The digest says that all events are the same; findings can still differ, when only one was looked at for races. */
function sameEvents(a: Session, b: Session): Diff {
  const findings = findingDifferences(a, b);
  return {
    result: findings.a.length + findings.b.length === 0 ? 'identical' : 'different',
    ...about(a, b),
    parting: undefined,
    operations: { onlyA: 0, onlyB: 0, changed: 0, saw: 0, moved: 0, groups: [] },
    consequences: [],
    pairs: [],
    data: { bytes: 0, groups: [], uncompared: 0 },
    findings,
  };
}

function consequenceCounts(a: Walk, b: Walk): ConsequenceCount[] {
  return [...new Set([...a.consequences.keys(), ...b.consequences.keys()])]
    .toSorted()
    .map((what) => ({ what, count: { a: a.consequences.get(what) ?? 0, b: b.consequences.get(what) ?? 0 } }))
    .filter(({ count }) => count.a !== count.b);
}
