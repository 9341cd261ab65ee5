import { modelVersion, type AnyEvent } from '../core/events.ts';
import { tracing } from '../core/operation.ts';
import type { Options, Scenario } from '../core/scenario.ts';
import type { World } from '../core/world.ts';
import type { Finding, RuleName } from '../scheduler/finding.ts';
import { blind, type Observer } from '../scheduler/observer.ts';
import type { Run } from '../scheduler/run.ts';
import { decisionsOf, parseSchedule, ScheduleWriter } from '../scheduler/schedule.ts';
import type { StrategyName } from '../scheduler/strategies.ts';
import { DigestWriter, SessionWriter } from '../store/writer.ts';
import { fromHere } from './format.ts';
import { defaultMaxSteps, start, strategyNamed, type RunSpec } from './execution.ts';
import { raceRules } from './races/rules.ts';
import { misuseRules } from './rules.ts';
import { version } from './version.ts';
import { Watcher } from './watcher.ts';

export interface RecordOptions {
  /** Any text or number; the default is "1". */
  readonly seed?: string | number;
  /** The default is `random`. */
  readonly strategy?: string;
  /** Options that differ from the scenario's defaults; those of the machine begin with `machine.`. */
  readonly set?: Options;
  /** The file to record into; without one, only the digest is kept. */
  readonly db?: string;
  /** The default is {@link defaultMaxSteps}. */
  readonly maxSteps?: number;
  /** Where the scenario comes from: stored with the session, so that it can be re-executed by itself. */
  readonly source?: ScenarioSource;
  /** A schedule, as {@link Session.schedule} gives it, to follow instead of picking. The seed still decides the latencies. */
  readonly schedule?: string;
  /** What to watch the run for; the default is all rules but races. */
  readonly rules?: readonly RuleName[];
  /** Whether to look for races too, which takes about as long again as the run. */
  readonly races?: boolean;
  /** Called with every event, in order. */
  readonly onEvent?: (event: AnyEvent, actor: number, tick: number) => void;
}

/** Where a scenario comes from. */
export interface ScenarioSource {
  /** A path, or the name of a bundled example. */
  readonly file: string;
  /** SHA-256 of the source text. */
  readonly version: string;
}

export type Outcome = 'passed' | 'failed' | 'interrupted';

/** What came of a recording. */
export interface Recording {
  /** `FILE#ID`; undefined when nothing was stored. */
  readonly session: string | undefined;
  readonly title: string;
  readonly seed: string;
  readonly strategy: StrategyName;
  readonly options: Options;
  readonly events: number;
  readonly steps: number;
  /** SHA-256 over the events: the same for the same scenario, seed and options, everywhere. */
  readonly digest: string;
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
  /** The world at the end. Not to be changed. */
  readonly world: World;
  /** What the app's main program returned. */
  readonly result: unknown;
}

/** Steps between two looks at whether a recording goes on. */
const slice = 65_536;
/** Findings of a run that a second run tells the places of. */
const placedRules: ReadonlySet<RuleName> = new Set([
  'deadlock',
  'queue-deadlock',
  'unanswered',
  'crash',
  'panic',
  'use-after-release',
  'null-argument',
  'register-after-close',
]);
/** A run of more steps is not run again to note places: that takes about ten microseconds a step. */
const traceableSteps = 200_000;

/** A recording under way, for those who must do something else in between. */
export class Recorder implements Observer {
  private readonly spec: RunSpec;
  private readonly scenario: Scenario;
  private readonly options: RecordOptions;
  private readonly schedule = new ScheduleWriter();
  /** Where events go: into a file, or only into the digest. */
  private readonly writer: DigestWriter;
  /** The same, when it is a file. */
  private readonly stored: SessionWriter | undefined;
  private readonly watcher: Watcher;
  private readonly run: Run;

  /** @throws {InputError} when an option, the scenario or the file is at fault */
  constructor(scenario: Scenario, options: RecordOptions = {}) {
    const { seed = '1', strategy = 'random', set = {}, maxSteps = defaultMaxSteps } = options;
    this.spec = { seed: String(seed), strategy: strategyNamed(strategy), set, maxSteps };
    this.scenario = scenario;
    this.options = options;
    this.stored = options.db === undefined ? undefined : this.openWriter(options.db);
    this.writer = this.stored ?? new DigestWriter();
    this.watcher = new Watcher(rulesOf(options));
    this.run = this.start(this);
    // Not before: a scenario that cannot be built leaves no session behind.
    this.stored?.open();
  }

  /** Events so far. */
  get events(): number {
    return this.run.events;
  }

  event(event: AnyEvent, kind: number, actor: number, tick: number, world: World): void {
    const full = this.writer.add(event, kind, actor, tick);
    if (this.stored?.markDue === true) this.stored.mark(this.run?.steps ?? 0, this.schedule.count);
    if (full) this.commit();
    this.watcher.event(event, kind, actor, tick, world);
    this.options.onEvent?.(event, actor, tick);
  }

  decision(actor: number): void {
    if (this.stored !== undefined) this.schedule.push(actor);
  }

  /** Makes up to `count` steps. Evaluates to whether there may be more. */
  advance(count: number): boolean {
    try {
      return this.run.advance(count);
    } catch (error) {
      this.keepWhatThereIs();
      throw error;
    }
  }

  /** Stores what there is and closes the file; the session stays interrupted. */
  interrupt(): Recording {
    try {
      this.commit();
    } finally {
      this.stored?.close();
    }
    return this.recording('interrupted', this.run.findings);
  }

  /** Stores the rest and ends the session. */
  finish(): Recording {
    const ofRun = this.placed();
    if (!ofRun.some(({ rule }) => rule === 'step-bound')) this.watcher.end(this.run.world);
    const found = [...ofRun, ...this.watcher.findings()].toSorted((a, b) => a.seq - b.seq);
    const outcome = found.some(({ severity }) => severity === 'error') ? 'failed' : 'passed';
    const findings = found.map((finding) => ({ ...finding, message: fromHere(finding.message) }));
    try {
      this.commit();
      this.stored?.finish(outcome, jsonOf(this.run.result), findings, new Date().toISOString());
    } finally {
      this.stored?.close();
    }
    return this.recording(outcome, findings);
  }

  private start(observer: Observer): Run {
    const { schedule } = this.options;
    const decisions = schedule === undefined ? undefined : decisionsOf(parseSchedule(schedule));
    return start(this.scenario, this.spec, observer, decisions);
  }

  /** The findings; where actors hang, a second run that notes the place of every operation tells their lines in the scenario. */
  private placed(): readonly Finding[] {
    const { findings, steps } = this.run;
    if (steps > traceableSteps || !findings.some(({ rule }) => placedRules.has(rule))) return findings;
    tracing.enabled = true;
    try {
      const again = this.start(blind);
      while (again.advance(slice));
      return again.findings;
    } finally {
      tracing.enabled = false;
    }
  }

  /** After a failure: stores what can be stored. The failure itself is what people must hear of. */
  private keepWhatThereIs(): void {
    try {
      this.interrupt();
    } catch {
      // The file is the failure.
    }
  }

  private openWriter(file: string): SessionWriter {
    const head = {
      title: this.scenario.title,
      scenario: this.options.source?.file ?? '',
      scenarioVersion: this.options.source?.version ?? '',
      modelVersion,
      seed: this.spec.seed,
      strategy: this.spec.strategy,
      options: JSON.stringify(this.spec.set),
      maxSteps: this.spec.maxSteps,
      startedAt: new Date().toISOString(),
      dextrace: version,
      node: process.version,
    };
    return new SessionWriter(file, head);
  }

  /** Ends a batch. */
  private commit(): void {
    const { count } = this.schedule;
    // The very first events come before there is a run to ask.
    this.writer.commit(this.run?.steps ?? 0, count, this.schedule.take());
  }

  private recording(outcome: Outcome, findings: readonly Finding[]): Recording {
    const { run, spec, scenario } = this;
    return {
      session: this.stored === undefined ? undefined : `${this.options.db!}#${this.stored.open()}`,
      title: scenario.title,
      seed: spec.seed,
      strategy: spec.strategy,
      options: spec.set,
      events: run.events,
      steps: run.steps,
      digest: this.writer.digestValue(),
      outcome,
      findings,
      world: run.world,
      result: run.result,
    };
  }
}

/** A value as JSON; undefined when JSON has no form for it. */
function jsonOf(value: unknown): string | undefined {
  const plain = (_key: string, part: unknown): unknown => {
    if (part instanceof Uint8Array) return Buffer.from(part).toString('hex');
    return typeof part === 'bigint' ? `0x${part.toString(16)}` : part;
  };
  try {
    return JSON.stringify(value, plain);
  } catch {
    return undefined;
  }
}

/** The rules that options choose. */
export function rulesOf({ rules, races }: Pick<RecordOptions, 'rules' | 'races'>): RuleName[] {
  const chosen = rules ?? misuseRules.map(({ name }) => name);
  return races === true ? [...chosen, ...raceRules.map(({ name }) => name)] : [...chosen];
}

/**
 * Runs a scenario once, and records it when `db` names a file.
 *
 * @throws {InputError} when an option, the scenario or the file is at fault
 * @example
 * const { digest, findings } = record(myScenario, { seed: 7 });
 */
export function record(scenario: Scenario, options: RecordOptions = {}): Recording {
  const recorder = new Recorder(scenario, options);
  while (recorder.advance(slice));
  return recorder.finish();
}
