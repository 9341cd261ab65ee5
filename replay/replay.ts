import { isDeepStrictEqual } from 'node:util';
import { kindOf, type AnyEvent } from '../core/events.ts';
import { tracing } from '../core/operation.ts';
import { placeIn } from '../core/place.ts';
import type { Scenario } from '../core/scenario.ts';
import type { World } from '../core/world.ts';
import { Abort, type Observer } from '../scheduler/observer.ts';
import type { Run } from '../scheduler/run.ts';
import { ScheduleMismatch } from '../scheduler/scripted.ts';
import type { RecordedEvent } from '../store/reader.ts';
import { start, strategyNamed, type RunSpec } from './execution.ts';
import { formatEvent, fromHere } from './format.ts';
import type { Session } from './session.ts';

/** The first event at which a re-execution differs from its recording. */
export interface Divergence {
  /** Sequence number of the first event that differs. */
  readonly seq: number;
  /** What the recording has there; undefined when it has ended. */
  readonly expected: RecordedEvent | undefined;
  /** What the re-execution did; undefined when it had nothing more to do. */
  readonly actual: RecordedEvent | undefined;
  /** Both in words. */
  readonly expectedText: string;
  readonly actualText: string;
  /** Name of the actor that differs. */
  readonly actor: string;
  /** `FILE:LINE:COLUMN` in the scenario where the actor was, when it is known. */
  readonly where: string | undefined;
}

/** What came of a re-execution. */
export interface Replay {
  /** `identical`; `diverged`: a recording of this very scenario went another way; `scenario-changed`: of another version of it. */
  readonly result: 'identical' | 'diverged' | 'scenario-changed';
  /** Events that agreed. */
  readonly events: number;
  readonly divergence: Divergence | undefined;
  /** Whether the scenario's source is not the recorded one. */
  readonly changed: boolean;
  /** The re-executed world, where it ended. */
  readonly world: World;
}

/** The re-execution did something else. */
class Diverged extends Abort {}

/** An interrupted recording has been followed to its end. */
class RecordingEnded extends Abort {}

/** Follows a re-execution and holds each event against the recording. */
class Comparison implements Observer {
  seq = 0;
  expected: RecordedEvent | undefined;
  actual: RecordedEvent | undefined;
  private readonly recorded: Iterator<RecordedEvent, void>;
  private readonly limit: number;

  constructor(session: Session) {
    this.recorded = session.events();
    this.limit = session.row.outcome === 'interrupted' ? session.row.events : Infinity;
  }

  event(event: AnyEvent, _kind: number, actor: number, tick: number): void {
    if (this.seq >= this.limit) throw new RecordingEnded();
    const next = this.recorded.next();
    this.expected = next.done === true ? undefined : next.value;
    const { expected } = this;
    if (
      expected === undefined ||
      expected.actor !== actor ||
      expected.tick !== tick ||
      !sameEvent(expected.event, event)
    ) {
      this.actual = { seq: this.seq, tick, actor, event };
      throw new Diverged();
    }
    this.seq += 1;
  }

  decision(): void {}

  /** The next recorded event, when the re-execution has ended. */
  rest(): RecordedEvent | undefined {
    const next = this.recorded.next();
    return next.done === true ? undefined : next.value;
  }
}

/** Whether two events are the same in all fields. */
export function sameEvent(a: AnyEvent, b: AnyEvent): boolean {
  if (a.kind !== b.kind) return false;
  for (const name of Object.keys(kindOf(a.kind).fields)) {
    const left = (a as unknown as Record<string, unknown>)[name];
    const right = (b as unknown as Record<string, unknown>)[name];
    if (left !== right && !(left instanceof Uint8Array && sameBytes(left, right as Uint8Array))) return false;
  }
  return true;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export interface ReplayOptions {
  /** SHA-256 of the scenario's source, to tell a changed scenario from a divergence. */
  readonly version?: string;
  /** Called now and then with the events compared so far. */
  readonly onProgress?: (events: number) => void;
}

/** Steps between two reports of progress. */
const slice = 65_536;

/**
 * Executes the session's scenario again under the recorded schedule and compares event by event.
 * @throws {InputError} when the session was recorded by another version of the model, or its options do not fit
 */
export function reexecute(session: Session, scenario: Scenario, options: ReplayOptions = {}): Replay {
  const { row } = session;
  const changed =
    options.version !== undefined && row.scenario_version !== '' && options.version !== row.scenario_version;
  const spec: RunSpec = {
    seed: row.seed,
    strategy: strategyNamed(row.strategy),
    set: session.options,
    maxSteps: row.max_steps,
  };
  const first = attempt(session, scenario, spec, options.onProgress);
  if (first.kind === 'identical') {
    return { result: 'identical', events: first.comparison.seq, divergence: undefined, changed, world: first.world };
  }
  const { comparison, actor } = first;
  const where = locate(session, scenario, spec, comparison.seq, actor);
  const names = session.actors();
  const say = (recorded: RecordedEvent | undefined, absent: string): string =>
    recorded === undefined
      ? absent
      : `${names.get(recorded.actor) ?? `actor ${recorded.actor}`}: ${formatEvent(recorded.event)}`;
  return {
    result: changed ? 'scenario-changed' : 'diverged',
    events: comparison.seq,
    divergence: {
      seq: comparison.seq,
      expected: comparison.expected,
      actual: comparison.actual,
      expectedText: say(comparison.expected, 'the end of the recording'),
      actualText: say(comparison.actual, first.absent),
      actor: names.get(actor) ?? `actor ${actor}`,
      where,
    },
    changed,
    world: first.world,
  };
}

type Attempt =
  | { readonly kind: 'identical'; readonly comparison: Comparison; readonly world: World }
  | {
      readonly kind: 'diverged';
      readonly comparison: Comparison;
      readonly world: World;
      readonly actor: number;
      /** Why there is no actual event, where there is none. */
      readonly absent: string;
    };

function attempt(
  session: Session,
  scenario: Scenario,
  spec: RunSpec,
  onProgress?: (events: number) => void,
  watch?: (run: Run) => void,
): Attempt {
  const comparison = new Comparison(session);
  let run: Run | undefined;
  const world = (): World => run?.world ?? ({} as World);
  try {
    run = start(scenario, spec, comparison, session.decisions());
    watch?.(run);
    while (run.advance(slice)) onProgress?.(comparison.seq);
  } catch (error) {
    if (error instanceof RecordingEnded) return { kind: 'identical', comparison, world: world() };
    if (error instanceof Diverged) {
      const actor = comparison.actual?.actor ?? comparison.expected?.actor ?? 0;
      return { kind: 'diverged', comparison, world: world(), actor, absent: '' };
    }
    if (error instanceof ScheduleMismatch) {
      if (session.row.outcome === 'interrupted' && error.expected === undefined)
        return { kind: 'identical', comparison, world: world() };
      comparison.expected = comparison.rest();
      const actor = error.expected ?? comparison.expected?.actor ?? 0;
      const absent = error.expected === undefined ? 'more steps than were recorded' : 'nothing: it cannot move';
      return { kind: 'diverged', comparison, world: world(), actor, absent };
    }
    throw error;
  }
  comparison.expected = comparison.rest();
  if (comparison.expected === undefined) return { kind: 'identical', comparison, world: world() };
  return {
    kind: 'diverged',
    comparison,
    world: world(),
    actor: comparison.expected.actor,
    absent: 'nothing: the re-execution has ended',
  };
}

/** Runs once more up to the divergence, noting where in the program the actor's operations are made. */
function locate(session: Session, scenario: Scenario, spec: RunSpec, seq: number, actor: number): string | undefined {
  let watched: Run | undefined;
  tracing.enabled = true;
  try {
    attempt(session, scenario, spec, undefined, (run) => {
      watched = run;
    });
  } finally {
    tracing.enabled = false;
  }
  if (watched?.events !== seq) return undefined;
  const place = placeIn(watched.pendingOf(actor)?.stack);
  return place === undefined ? undefined : fromHere(place);
}

/** Whether two worlds are the same in every part. */
export function sameWorld(a: World, b: World): boolean {
  return isDeepStrictEqual(a, b);
}
