/**
 * The seam between programs and the scheduler.
 *
 * A program is anything that answers `next(result)` with its next operation; a
 * TypeScript generator that `yield*`s operations is one. An operation is performed
 * atomically, in one step of the scheduler. Between two steps of an actor any
 * other actor may move.
 */
import type { Resource, Touch } from './catalogue.ts';
import { ScenarioError } from './errors.ts';
import type { AnyEvent } from './events.ts';
import type { World } from './world.ts';

/** A program: yields operations, is resumed with each one's result, and returns an `R`. */
export type Program<R = void> = Generator<Operation<unknown>, R>;

/**
 * The value as a program. Scenarios are written by people: where one hands over a program, it may be something else.
 * @throws {ScenarioError} when it is a promise, an async generator, or no generator at all
 */
export function asProgram<R>(what: string, value: Program<R> | undefined): Program<R> {
  if (isGenerator(value)) return value;
  const given = value as Partial<Program<R>> | null | undefined;
  if (typeof given?.next === 'function' && typeof given[Symbol.iterator] === 'function') return value!;
  const promised =
    typeof (given as Partial<PromiseLike<R>> | undefined)?.then === 'function' ||
    (typeof given === 'object' && given !== null && Symbol.asyncIterator in given);
  throw new ScenarioError(
    `${what} is ${promised ? 'asynchronous' : 'no program'}: write a generator method (*name() { … }), without async or promises`,
  );
}

/** What all generators descend from. */
const generators = Object.getPrototypeOf(function* () {}.prototype) as object;

/** Every generator function has a prototype of its own, so that to ask a generator for a property is slow. */
function isGenerator<R>(value: Program<R> | undefined): value is Program<R> {
  return Object.prototype.isPrototypeOf.call(generators, value!);
}

/** What kind of work an operation is; the `timed` strategy draws its duration from this. */
export const costs = {
  cpu: 4,
  copy: 8,
  fault: 800,
  syscall: 400,
  kernel: 150,
  message: 3_000,
  mmio: 600,
  beat: 30,
  device: 50,
  strike: 20_000,
} as const;
export type Cost = keyof typeof costs;

export type Role = (typeof roles)[number];
export const roles = ['app', 'dext', 'kernel', 'device', 'link', 'fault'] as const;

/** What an actor does after its program, if anything: called with the program's result, within its last step. */
export type Epilogue = (result: unknown, step: Step) => Program<unknown> | undefined;

/** A program to be started as a new actor. */
export interface Spawn {
  readonly name: string;
  readonly role: Role;
  /** The address space its loads and stores use; 0 for none. */
  readonly task: number;
  /** The device that it is an engine of. */
  readonly device?: number;
  /** Whether the run may end while this actor still waits for work. */
  readonly daemon?: boolean;
  /** Whether its program begins by waiting: then it starts at once, without a step of its own. */
  readonly waits?: boolean;
  readonly program: Program<unknown>;
  readonly epilogue?: Epilogue | undefined;
}

/** What an operation may do while it is performed. */
export interface Step {
  readonly world: World;
  /** Who moves. */
  readonly actor: number;
  /** Virtual time, in nanoseconds. */
  readonly now: number;
  /** Objects of user code behind kernel object numbers: handlers, subclass instances. Never part of the world. */
  readonly live: Map<number, unknown>;
  /** Records an event and applies it to the world. */
  emit(event: AnyEvent): void;
  /** Says that what the actor does next depends on an object that no event of this step touches. */
  look(resource: Resource, id: number): void;
  /** Starts an actor and returns its number. */
  spawn(actor: Spawn): number;
  /** The acting actor goes into the kernel (1) or comes out of it (-1); calls nest. */
  cross(direction: 1 | -1): void;
  /** Whether an actor is inside a procedure of the kernel, and so cannot be killed yet. */
  isInKernel(actor: number): boolean;
}

/** What kind of crash it is: some have a rule of their own among the findings. */
export type CrashCode = 'crash' | 'use-after-release' | 'null-argument' | 'register-after-close';

/** Thrown by an operation when the real thing would crash: the actor's whole task dies. */
export class Crash extends Error {
  override readonly name = 'Crash';
  readonly code: CrashCode;

  constructor(message: string, code: CrashCode = 'crash', options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Set while somebody wants to know where in a program operations are made. */
export const tracing: { enabled: boolean } = { enabled: false };

/** What is the same for all operations of a class. */
export interface Traits {
  /** How messages call it: `store`, `IOConnectCallMethod`. */
  readonly name: string;
  readonly cost: Cost;
  /** Performed at once, as part of the step that the actor has just made: local code, not a move. */
  readonly immediate: boolean;
  /** Whether `ready` must be asked before the actor can move. */
  readonly blocks: boolean;
  /** Whether waiting here is having nothing to do, rather than being stuck. */
  readonly idle: boolean;
  /** Whether, once it can move, nobody can take that away, nor change what it then does. */
  readonly lasting: boolean;
  /** The operation may also move when this much time has passed, in nanoseconds. */
  readonly timeout: number | undefined;
}

/** Puts traits on a class's prototype, so that its objects stay small: hot loops make one for every step. */
export function traits(of: { readonly prototype: object }, values: Partial<Traits>): void {
  Object.assign(of.prototype, values);
}

/** What an operation's `next` evaluates to: looked at before the next call, so that no step has to allocate its own. */
const request: { done: false; value: Operation<unknown> } = { done: false, value: undefined! };
const answer: { done: true; value: unknown } = { done: true, value: undefined };

/** One atomic move of an actor. `yield* operation` performs it and evaluates to its result. */
export abstract class Operation<R> implements Iterator<Operation<unknown>, R, R> {
  declare readonly name: string;
  declare readonly cost: Cost;
  declare readonly immediate: boolean;
  declare readonly blocks: boolean;
  declare readonly idle: boolean;
  declare readonly lasting: boolean;
  declare readonly timeout: number | undefined;
  /** Where in the program it was made, when {@link tracing}. */
  declare readonly stack: string | undefined;
  declare private asked: boolean;

  static {
    const none: Traits & { asked: boolean; stack: undefined } = {
      name: 'operation',
      cost: 'cpu',
      immediate: false,
      blocks: false,
      idle: false,
      lasting: false,
      timeout: undefined,
      asked: false,
      stack: undefined,
    };
    traits(Operation, none);
  }

  constructor() {
    if (tracing.enabled) Object.assign(this, { stack: new Error().stack });
  }

  /** Whether the actor can move now. Must depend on nothing but the world's objects, and never on the bytes of memory. */
  ready(_world: World, _actor: number): boolean {
    return true;
  }

  /** What a blocked actor waits for, and who could answer; for deadlock findings. */
  waitsFor(_world: World): string {
    return this.name;
  }

  /** The actors that could let a blocked actor go on, as far as that is known; for deadlock findings. */
  heldBy(_world: World): readonly number[] {
    return [];
  }

  /** What it will touch, as far as that can be told before it is performed: for strategies that look ahead. */
  intent(_touch: Touch, _world: World, _actor: number): void {}

  /** @throws {Crash} when the real thing would crash */
  abstract perform(step: Step): R;

  [Symbol.iterator](): this {
    return this;
  }

  next(result: R): IteratorResult<Operation<unknown>, R> {
    if (this.asked) {
      answer.value = result;
      return answer as IteratorReturnResult<R>;
    }
    this.asked = true;
    request.value = this;
    return request;
  }
}

/** How an {@link Act} may block. */
export interface Guard {
  readonly ready?: (world: World, actor: number) => boolean;
  readonly waitsFor?: (world: World) => string;
  /** The actors that could let the waiting one go on. */
  readonly heldBy?: (world: World) => readonly number[];
  /** The object whose state `ready` depends on. */
  readonly on?: readonly [resource: Resource, id: number];
  readonly timeout?: number | undefined;
  readonly idle?: boolean;
  readonly lasting?: boolean;
}

/** An operation written in place: a name, what kind of work it is, and what it does. */
export class Act<R> extends Operation<R> {
  private readonly guard: Guard | undefined;
  private readonly effect: (step: Step) => R;

  constructor(name: string, cost: Cost, effect: (step: Step) => R, guard?: Guard) {
    super();
    this.effect = effect;
    this.guard = guard;
    const { ready, idle = false, lasting = false, timeout } = guard ?? {};
    // One by one: hot loops make an operation for every step.
    const own = this as { -readonly [Name in keyof Traits]: Traits[Name] };
    own.name = name;
    own.cost = cost;
    own.blocks = ready !== undefined;
    own.idle = idle;
    own.lasting = lasting;
    own.timeout = timeout;
  }

  override ready(world: World, actor: number): boolean {
    return this.guard?.ready?.(world, actor) ?? true;
  }

  override waitsFor(world: World): string {
    return this.guard?.waitsFor?.(world) ?? this.name;
  }

  override heldBy(world: World): readonly number[] {
    return this.guard?.heldBy?.(world) ?? [];
  }

  override intent(touch: Touch): void {
    const on = this.guard?.on;
    if (on !== undefined) touch(on[0], on[1], 'sync');
  }

  override perform(step: Step): R {
    return this.effect(step);
  }
}

/** Shorthand for `new Act`. */
export function act<R>(name: string, cost: Cost, effect: (step: Step) => R, guard?: Guard): Act<R> {
  return new Act(name, cost, effect, guard);
}

class Now<R> extends Operation<R> {
  static {
    traits(Now, { name: 'now', immediate: true });
  }

  private readonly effect: (step: Step) => R;

  constructor(effect: (step: Step) => R) {
    super();
    this.effect = effect;
  }

  override perform(step: Step): R {
    return this.effect(step);
  }
}

/** Looks at the world, or changes what only the actor itself can see, within the step just made. */
export function now<R>(effect: (step: Step) => R): Operation<R> {
  return new Now(effect);
}

/** A procedure of the kernel on its caller's thread: a thread that is killed in it ends when it comes out (facts §1.5). */
export function* inKernel<R>(program: Program<R> | Operation<R>): Program<R> {
  yield* now((step) => step.cross(1));
  const result = yield* program;
  yield* now((step) => step.cross(-1));
  return result;
}

/** A call that returns an error without doing anything: one step, so that the refusal is in the log. */
export function refuse(call: string, code: number): Act<number> {
  return act(call, 'syscall', (step) => {
    step.emit({ kind: 'refuse', code, call });
    return code;
  });
}
