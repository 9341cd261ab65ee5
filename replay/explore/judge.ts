import type { AnyEvent } from '../../core/events.ts';
import type { Scenario } from '../../core/scenario.ts';
import type { World } from '../../core/world.ts';
import type { Finding, RuleName } from '../../scheduler/finding.ts';
import { blind, type Observer } from '../../scheduler/observer.ts';
import { ScheduleWriter } from '../../scheduler/schedule.ts';
import type { Trial } from '../../scheduler/search.ts';
import { TraceHash } from '../../scheduler/trace.ts';
import { startWith, type Limits } from '../execution.ts';
import { Watcher } from '../watcher.ts';

/** What came of one execution. */
export interface Execution {
  readonly seed: string;
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

  /** Makes the execution. */
  run({ strategy, seed }: Trial): Execution {
    const schedule = new ScheduleWriter();
    const watcher = this.rules.length === 0 ? undefined : new Watcher(this.rules);
    const hash = this.hashes ? new TraceHash(strategy.timed) : undefined;
    const observer: Observer = {
      event(event: AnyEvent, kind: number, actor: number, tick: number, world: World) {
        watcher?.event(event, kind, actor, tick, world);
        hash?.event(event, actor, tick, world);
      },
      decision: (actor) => schedule.push(actor),
    };
    const run = startWith(this.scenario, strategy, seed, this.limits, observer);
    while (run.advance(slice));
    const cut = run.findings.some(({ rule }) => rule === 'step-bound');
    if (!cut && !run.gaveUp) watcher?.end(run.world);
    return {
      seed,
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
}
