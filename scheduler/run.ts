import { kill } from '../core/actors/dying.ts';
import { endOfMain } from '../core/app/process.ts';
import type { Resource } from '../core/catalogue.ts';
import { InputError, ScenarioError } from '../core/errors.ts';
import { kindNumbers, quietKinds, type AnyEvent, type EventByKind } from '../core/events.ts';
import { evolve } from '../core/evolve.ts';
import { kernelTask } from '../core/memory/state.ts';
import {
  asProgram,
  costs,
  Operation,
  traits,
  type Crash,
  type Program,
  type Spawn,
  type Step,
} from '../core/operation.ts';
import { placeIn } from '../core/place.ts';
import type { Parts } from '../core/scenario.ts';
import { emptyWorld, type World } from '../core/world.ts';
import { boot } from './boot.ts';
import type { Finding, RuleName } from './finding.ts';
import { Abort, type Observer } from './observer.ts';
import type { Random } from './random.ts';
import { never, Roster, type Runner } from './roster.ts';
import { giveUp, type Candidate, type Running, type Strategy } from './strategy.ts';
import { storiesOf } from './stuck.ts';

/** An actor's first operation: to begin. */
class Begin extends Operation<void> {
  static {
    traits(Begin, { name: 'start' });
  }

  override perform(step: Step): void {
    step.emit({ kind: 'actor.start', actor: step.actor });
  }
}

const begin = new Begin();

/** The number of its kind: to ask every event for its name would cost more. */
const exits = kindNumbers.get('actor.exit')!;

/** The scheduler's own number: it is the actor of the events before anybody moves. */
const bootActor = 0;

/** One execution of a scenario: the scheduler, its actors and the world. */
export class Run implements Step, Running {
  readonly world: World = emptyWorld();
  readonly live = new Map<number, unknown>();
  readonly findings: Finding[] = [];
  /** What the app's main program returned. */
  result: unknown = undefined;
  /** Steps made. */
  steps = 0;
  /** Events so far; the next one's sequence number. */
  events = 0;
  /** Whether nothing more will happen. */
  ended = false;
  /** Whether the strategy ended it. */
  gaveUp = false;
  /** Who moves. */
  actor = bootActor;
  /** Virtual time, in nanoseconds. */
  now = 0;

  private readonly parts: Parts;
  private readonly strategy: Strategy;
  private readonly latency: Random;
  private readonly observer: Observer;
  private readonly maxSteps: number;
  private readonly roster: Roster;
  private nextActor = 1;
  private mainReturned = false;
  /** What must hold all the time, until it did not. */
  private always: Parts['always'];

  constructor(parts: Parts, strategy: Strategy, latency: Random, observer: Observer, maxSteps: number) {
    this.parts = parts;
    this.always = parts.always;
    this.strategy = strategy;
    this.roster = new Roster(strategy.timed);
    this.latency = latency;
    this.observer = observer;
    this.maxSteps = maxSteps;
    boot(this, parts, (result) => this.mainEnds(result));
    strategy.begin?.(this);
  }

  /** Makes up to `count` steps. Evaluates to whether there may be more. */
  advance(count: number): boolean {
    for (let left = count; left > 0 && !this.ended; left -= 1) {
      this.step();
    }
    return !this.ended;
  }

  emit(event: AnyEvent): void {
    const number = kindNumbers.get(event.kind)!;
    this.observer.event(event, number, this.actor, this.now, this.world);
    this.strategy.event?.(event, number, this.actor, this.world);
    evolve(this.world, event, this.actor, this.now, number);
    this.events += 1;
    if (!quietKinds[number]) this.roster.stale = true;
    if (number === exits) this.roster.remove((event as EventByKind['actor.exit']).actor);
  }

  cross(direction: 1 | -1): void {
    const runner = this.roster.of(this.actor)!;
    runner.depth += direction;
    if (runner.depth > 0) return;
    const { task } = this.world.actors.get(runner.id)!;
    if (task !== 0 && this.world.tasks.get(task)!.state !== 'alive')
      this.emit({ kind: 'actor.exit', actor: runner.id, reason: 'killed' });
  }

  isInKernel(actor: number): boolean {
    return this.roster.of(actor)!.depth > 0;
  }

  look(resource: Resource, id: number): void {
    this.observer.look?.(resource, id, this.actor, this.world);
    this.strategy.look?.(resource, id, this.actor, this.world);
  }

  spawn({ name, role, task, device = 0, daemon = false, waits = false, program, epilogue }: Spawn): number {
    const actor = this.nextActor++;
    this.emit({ kind: 'actor.create', actor, role, task, device, daemon, name });
    const runner: Runner = {
      id: actor,
      name,
      daemon,
      program: asProgram(name, program),
      epilogue,
      pending: waits ? (program.next().value as Operation<unknown>) : begin,
      readyAt: 0,
      latency: 0,
      deadline: never,
      guarded: false,
      seen: false,
      listed: false,
      depth: 0,
      over: false,
    };
    this.roster.add(runner);
    this.ask(runner, runner.pending);
    return actor;
  }

  /** The operation that an actor is about to perform. */
  pendingOf(actor: number): Operation<unknown> | undefined {
    return this.roster.of(actor)?.pending;
  }

  waiting(): readonly Candidate[] {
    return this.roster.living();
  }

  private mainEnds(result: unknown): Program {
    this.result = result;
    this.mainReturned = true;
    return endOfMain();
  }

  private step(): void {
    const { roster, strategy } = this;
    const { candidates } = roster;
    if (roster.stale) this.now = roster.refresh(this.world, this.now);
    const count = candidates.length;
    if (count === 0) {
      this.end();
      return;
    }
    if (this.steps >= this.maxSteps) {
      this.endAtBound();
      return;
    }
    let runner = candidates[0]!;
    if (count > 1 || strategy.everyStep === true) {
      const index = strategy.pick(candidates, count);
      if (index === giveUp) {
        this.gaveUp = true;
        this.ended = true;
        return;
      }
      runner = candidates[index]!;
      if (count > 1) this.observer.decision(runner.id);
    }
    strategy.moved?.(runner.id);
    if (runner.readyAt > this.now) this.now = runner.readyAt;
    this.actor = runner.id;
    this.steps += 1;
    const before = this.events;
    this.move(runner);
    if (this.always !== undefined && roster.stale) this.hold();
    if (this.events === before)
      throw new Error(`step ${this.steps} of ${runner.name} (${runner.pending.name}) made no event`);
  }

  /** Performs the actor's operation and runs its program up to the next one. */
  private move(runner: Runner): void {
    try {
      let value = runner.pending.perform(this);
      for (;;) {
        if (runner.over) return;
        const { done, value: operation } = runner.program.next(value) as IteratorResult<
          Operation<unknown> | undefined,
          unknown
        >;
        if (done === true) {
          if (!this.conclude(runner, operation)) return;
          value = undefined;
        } else if (operation?.immediate === false) {
          this.ask(runner, operation);
          return;
        } else if (operation?.immediate === true) {
          value = operation.perform(this);
        } else {
          throw new ScenarioError(`${runner.name} yielded ${describe(operation)}`);
        }
      }
    } catch (error) {
      this.stop(runner, error);
    }
  }

  /** A program has ended: what follows it begins, or else the actor ends. Evaluates to whether something follows. */
  private conclude(runner: Runner, result: unknown): boolean {
    const { epilogue } = runner;
    runner.epilogue = undefined;
    const next = epilogue?.(result, this);
    if (next !== undefined) {
      runner.program = next;
      return true;
    }
    this.emit({ kind: 'actor.exit', actor: runner.id, reason: 'returned' });
    return false;
  }

  private ask(runner: Runner, operation: Operation<unknown>): void {
    runner.pending = operation;
    this.roster.asks(runner);
    runner.seen = !operation.blocks;
    runner.deadline = operation.timeout === undefined ? never : this.now + operation.timeout;
    if (!this.strategy.timed) return;
    // Up to half more or less than the usual duration.
    runner.latency = Math.round(costs[operation.cost] * (0.5 + this.latency()));
    runner.readyAt = operation.blocks ? runner.deadline : this.now + runner.latency;
  }

  /** A program has failed: the real thing would crash, or the scenario is at fault. */
  private stop(runner: Runner, error: unknown): void {
    if (!(error instanceof Error)) throw new ScenarioError(`${runner.name} threw ${String(error)}`);
    if (error instanceof InputError || error instanceof Abort) throw error;
    const crash = error.name === 'Crash';
    const { task } = this.world.actors.get(runner.id)!;
    const panic = crash && this.world.tasks.get(task)?.name === kernelTask;
    const reason = crash ? error.message : `${error.name}: ${error.message}`;
    this.emit({ kind: 'actor.exit', actor: runner.id, reason: 'crashed' });
    // A program error's text differs between JavaScript engines, so it stays out of the log.
    if (task !== 0 && !panic) kill(this, task, crash ? 'crash' : 'error', crash ? reason : 'program error');
    this.find(
      panic ? 'panic' : crash ? (error as Crash).code : 'program-error',
      `${runner.name} ${crash ? 'crashed' : 'threw'}: ${reason}${at(crash ? runner.pending.stack : error.stack)}`,
      [runner.id],
    );
    // The kernel takes everybody with it.
    if (panic) this.ended = true;
  }

  private find(rule: RuleName, message: string, actors: readonly number[]): void {
    this.findings.push({ rule, severity: 'error', message, seq: this.events - 1, actors });
  }

  /** Nobody can move: everybody has finished, or somebody waits for what never comes. */
  private end(): void {
    this.ended = true;
    const stuck = this.roster.living().filter((runner) => !runner.pending.idle);
    for (const { rule, head, actors } of storiesOf(this.world, stuck)) {
      const lines = actors.map(
        ({ name, pending }) =>
          `${name} is in ${pending.name} and waits for ${pending.waitsFor(this.world)}${at(pending.stack)}`,
      );
      this.find(
        rule,
        `${head}:\n  ${lines.join('\n  ')}`,
        actors.map(({ id }) => id),
      );
    }
    this.check();
  }

  private endAtBound(): void {
    this.ended = true;
    const doing = this.roster
      .living()
      .filter((runner) => !runner.pending.idle)
      .map(({ name, pending }) => `${name} is in ${pending.name}`);
    this.find('step-bound', `not finished after ${this.maxSteps} steps:\n  ${doing.join('\n  ')}`, []);
  }

  /** Looks at what must hold all the time; once it does not, no more. */
  private hold(): void {
    const wrong = said(() => this.always?.(this.world));
    if (wrong === undefined) return;
    this.always = undefined;
    this.find('always', wrong, [this.actor]);
  }

  private check(): void {
    this.hold();
    if (!this.mainReturned && !endedByItself(this.world)) return;
    const { value: device } = this.world.devices.values().next();
    const end = { world: this.world, result: this.result, deviceMemory: device?.memory ?? new Uint8Array(0) };
    const wrong = said(() => this.parts.check(end));
    if (wrong !== undefined) this.find('check', wrong, []);
  }
}

/** What a scenario's own check says is wrong, or throws. */
function said(check: () => string | undefined): string | undefined {
  try {
    return check();
  } catch (error) {
    return error instanceof Error ? error.message + at(error.stack) : String(error);
  }
}

/** Whether the app has ended otherwise than by a crash. */
function endedByItself(world: World): boolean {
  const app = [...world.tasks.values()].find(({ name }) => name === 'app');
  return app?.death === 'returned' || app?.death === 'exit' || app?.death === 'kill';
}

/** What a program yielded instead of an operation, and how to mend it. */
function describe(value: unknown): string {
  if (typeof (value as Partial<PromiseLike<unknown>> | null)?.then === 'function') {
    return 'a promise: programs are synchronous, use generators (function*, yield*) throughout';
  }
  if (typeof (value as Partial<Program> | null)?.next === 'function') return 'a program: write yield* instead of yield';
  const shown = typeof value === 'object' && value !== null ? 'an object' : String(value);
  return `${shown}, which is no operation: yield* what the app, the dext or the device offers`;
}

/** ` (FILE:LINE:COLUMN)` of the scenario's line in a stack, when there is one. */
function at(stack: string | undefined): string {
  const place = placeIn(stack);
  return place === undefined ? '' : ` (${place})`;
}
