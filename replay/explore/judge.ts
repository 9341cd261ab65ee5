import type { AnyEvent } from '../../core/events.ts';
import type { Options, Scenario } from '../../core/scenario.ts';
import type { World } from '../../core/world.ts';
import type { Finding, RuleName } from '../../scheduler/finding.ts';
import { Abort, blind, type Observer } from '../../scheduler/observer.ts';
import { decisionsOf, formatSchedule, ScheduleWriter } from '../../scheduler/schedule.ts';
import { scripted, ScheduleMismatch } from '../../scheduler/scripted.ts';
import type { Trial } from '../../scheduler/search.ts';
import { TraceHash } from '../../scheduler/trace.ts';
import { startWith, type Limits } from '../execution.ts';
import { formatEvent } from '../format.ts';
import { sameEvent } from '../replay.ts';
import { Watcher } from '../watcher.ts';

/** What came of one execution. */
export interface Execution {
  readonly seed: string;
  readonly set: Options;
  /** Picks made among more than one actor. */
  readonly decisions: number;
  readonly steps: number;
  /** Whether it ended because it reached the most steps allowed. */
  readonly cut: boolean;
  /** Whether its strategy gave it up on the way. */
  readonly blocked: boolean;
  /** Errors and warnings, but for the bound. */
  readonly findings: readonly Finding[];
  /** What the app's main program returned. */
  readonly result: unknown;
  /** Its decisions, as bytes. */
  readonly schedule: Uint8Array;
  /** Its trace's hash; 0 when nobody asked for it. */
  readonly trace: number;
}

/** Where two runs of one schedule first differ. */
export interface Disagreement {
  readonly seed: string;
  readonly schedule: string;
  /** Sequence number of the event. */
  readonly seq: number;
  /** Name of the actor that did something else. */
  readonly actor: string;
  /** What it was about to do. */
  readonly operation: string;
  /** Both events in words. */
  readonly first: string;
  readonly second: string;
}

/** The second run did something else. */
class Differs extends Abort {}

interface Logged {
  readonly event: AnyEvent;
  readonly actor: number;
}

/** Steps between two looks at whether an execution goes on. */
const slice = 65_536;

/** Makes executions of a scenario and tells what came of them; stores nothing but decisions and findings (design idea 10). */
export class Judge {
  private readonly scenario: Scenario;
  private readonly limits: Limits;
  private readonly rules: readonly RuleName[];
  private readonly hashes: boolean;

  /** `hashes` says whether to tell traces apart, which takes about as long again as the execution. */
  constructor(scenario: Scenario, limits: Limits, rules: readonly RuleName[], hashes: boolean) {
    this.scenario = scenario;
    this.limits = limits;
    this.rules = rules;
    this.hashes = hashes;
  }

  /** Makes an execution that counts for nothing. */
  lookAhead({ strategy, seed }: Trial): void {
    const run = startWith(this.scenario, strategy, seed, this.limits, blind);
    while (run.advance(slice));
  }

  /** Makes the execution, with options that differ from the usual ones; `see` is called with every event. */
  run({ strategy, seed }: Trial, set: Options = this.limits.set, see?: (logged: Logged) => void): Execution {
    const schedule = new ScheduleWriter();
    const watcher = this.rules.length === 0 ? undefined : new Watcher(this.rules);
    const hash = this.hashes ? new TraceHash(strategy.timed) : undefined;
    const observer: Observer = {
      event(event: AnyEvent, kind: number, actor: number, tick: number, world: World) {
        watcher?.event(event, kind, actor, tick, world);
        hash?.event(event, kind, actor, tick, world);
        see?.({ event, actor });
      },
      ...(hash === undefined ? {} : { look: (resource, id, actor) => hash.look(resource, id, actor) }),
      decision: (actor) => schedule.push(actor),
    };
    const run = startWith(this.scenario, strategy, seed, { ...this.limits, set }, observer);
    while (run.advance(slice));
    const cut = run.findings.some(({ rule }) => rule === 'step-bound');
    if (!cut && !run.gaveUp) watcher?.end(run.world);
    return {
      seed,
      set,
      decisions: schedule.count,
      steps: run.steps,
      cut,
      blocked: run.gaveUp,
      findings: [...run.findings.filter(({ rule }) => rule !== 'step-bound'), ...(watcher?.findings() ?? [])],
      result: run.result,
      schedule: schedule.take(),
      trace: hash?.value() ?? 0,
    };
  }

  /** Makes the execution twice, the second time by the schedule of the first, and tells where they first differ. */
  twice(
    trial: Trial,
    set: Options = this.limits.set,
  ): { execution: Execution; disagreement: Disagreement | undefined } {
    const log: Logged[] = [];
    const execution = this.run(trial, set, (logged) => log.push(logged));
    return { execution, disagreement: this.compare(execution, log, trial.strategy.timed) };
  }

  private compare(
    { seed, set, schedule }: Execution,
    log: readonly Logged[],
    timed: boolean,
  ): Disagreement | undefined {
    let seq = 0;
    let other: Logged | undefined;
    const observer: Observer = {
      event(event, _kind, actor) {
        const first = log[seq];
        if (first === undefined || first.actor !== actor || !sameEvent(first.event, event)) {
          other = { event, actor };
          throw new Differs();
        }
        seq += 1;
      },
      decision() {},
    };
    const strategy = scripted(decisionsOf(schedule), timed);
    const run = startWith(this.scenario, strategy, seed, { ...this.limits, set }, observer);
    try {
      while (run.advance(slice));
    } catch (error) {
      if (!(error instanceof Differs || error instanceof ScheduleMismatch)) throw error;
    }
    const first = log[seq];
    if (other === undefined && first === undefined) return undefined;
    const { actor } = other ?? first!;
    return {
      seed,
      schedule: formatSchedule(schedule),
      seq,
      actor: run.world.actors.get(actor)?.name ?? 'boot',
      operation: run.pendingOf(actor)?.name ?? 'nothing',
      first: first === undefined ? 'nothing: it had ended' : formatEvent(first.event),
      second: other === undefined ? 'nothing: it had ended, or could not move' : formatEvent(other.event),
    };
  }
}
