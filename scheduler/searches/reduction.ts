/**
 * Optimal dynamic partial-order reduction (Abdulla, Aronis, Jonsson, Sagonas, "Source Sets: A Foundation for Optimal
 * Dynamic Partial Order Reduction", JACM 2017): one execution of each trace, and none that is given up.
 *
 * An execution is a path from the root; what is still to be explored hangs on its nodes. When an execution has ended, its
 * races are looked at: two steps that conflict, with nothing between them that orders them otherwise. For each, a beginning
 * in which the second goes first is added to the node before the first: as a branch of its wakeup tree, unless the node's
 * sleep set shows that it has been explored. Then the deepest node with a branch left is taken up.
 *
 * Two things go beyond the paper's main algorithm. A step may wait (for a mutex, a message): then it can go first only
 * if it is ready there, so races are looked for past the steps that merely made it ready, and those that still wait at the end
 * have races too. And what a step touches may depend on who came before (a compare-exchange, a page fault): then a
 * look-ahead, a short execution that counts for nothing, shows what it touches when it goes first.
 */
import { kindNumbers, type EventByKind } from '../../core/events.ts';
import type { Operation } from '../../core/operation.ts';
import type { Search, Trial } from '../search.ts';
import { giveUp, type Candidate, type Running, type Strategy } from '../strategy.ts';
import { Collector } from '../reduction/collector.ts';
import { Family, Names, type Mark } from '../reduction/names.ts';
import { conflict, conflictOf, type Ranges } from '../reduction/ranges.ts';
import { insert, weakInitial, type Branch, type Move } from '../reduction/wakeup.ts';

/** Numbers of kinds: to ask every event for its name would cost more. */
const creates = kindNumbers.get('actor.create')!;
const exits = kindNumbers.get('actor.exit')!;

/**
 * Whether an operation must be ready: never; until somebody has done something that nobody can undo, so that the order of
 * the two is no choice; or until something is there that others may take.
 */
type Waits = 'never' | 'for good' | 'in contention';

function waitsOf({ blocks, lasting }: Operation<unknown>): Waits {
  if (!blocks) return 'never';
  return lasting ? 'for good' : 'in contention';
}

/** What a step touches before that is known. */
const untouched: Ranges = [];

/** A step of the current execution. */
interface Step {
  readonly actor: number;
  /** Where its actor's step before is in the execution, or the step that made the actor; -1 for none. */
  readonly prior: number;
  readonly waits: Waits;
  /** Whether it could move only because nobody else could, and time passed. */
  readonly late: boolean;
  ranges: Ranges;
  /** By actor: up to which position of the execution its steps happened before this one. */
  clock: number[];
  /** Where the steps are that it races with; known once it has been made. */
  races: number[];
}

/** A point of the current execution, before the step at the same position. */
interface Node {
  readonly able: readonly number[];
  /** Steps that need not be taken here: explored, and nothing since has come before them that they conflict with. */
  readonly sleep: Move[];
  /** What is to be explored from here; the first is what is being explored. */
  readonly tree: Branch[];
  readonly mark: Mark;
}

/** A beginning to be looked at, before it is known whether the last actor can move at its end, and what it then touches. */
interface Question {
  /** The node it hangs on. */
  readonly at: number;
  readonly moves: readonly Move[];
  /** Who is to move then. */
  readonly actor: number;
  /** What is to be done when it is known whether the actor can. */
  readonly heard?: (able: boolean) => void;
}

/** A step that had to be ready for what others may take; perhaps it still waits. */
interface Contender {
  readonly actor: number;
  /** As of a step. */
  readonly prior: number;
  /** What it has touched, or is going to as far as it tells; nothing when it does not tell. */
  readonly ranges: Ranges;
}

export class Reduction implements Search {
  private readonly seed: string;
  private readonly family = new Family();
  private readonly names = new Names(this.family);
  private readonly collector = new Collector(this.names);
  private readonly nodes: Node[] = [];
  private readonly steps: Step[] = [];
  /** Where the last step of each actor is; where each actor was made. */
  private lasts: number[] = [];
  private readonly births: number[] = [];
  /** Position of the first step that the current execution does not share with the one before. */
  private fresh = 0;
  /** Position of the last step before which time had to pass; everything before happened before everything from there on. */
  private barrier = 0;
  /** Actors that others have ended: by name and by number, and where. */
  private killed: { readonly actor: number; readonly number: number; readonly position: number }[] = [];
  private questions: Question[] = [];
  private answer: (() => void) | undefined;
  private running: Running | undefined;
  /** Whether what comes before anybody moves has been named: it is the same in every execution. */
  private booted = false;
  private begun = false;
  private exhausted = false;

  constructor(seed: string) {
    this.seed = seed;
  }

  get complete(): boolean {
    return this.exhausted;
  }

  next(): Trial | undefined {
    if (this.answer !== undefined) {
      this.answer();
      this.answer = undefined;
    } else if (this.begun) {
      this.close();
    }
    for (let question = this.questions.pop(); question !== undefined; question = this.questions.pop()) {
      if (this.isAnswered(question)) {
        question.heard?.(true);
        continue;
      }
      return { strategy: this.ask(question), seed: this.seed, probe: true };
    }
    if (this.begun && !this.backtrack()) {
      this.exhausted = true;
      return undefined;
    }
    this.begun = true;
    return { strategy: this.follow(), seed: this.seed };
  }

  /** Takes up the deepest branch that is left. */
  private backtrack(): boolean {
    const { nodes, steps } = this;
    while (nodes.length > 0) {
      const node = nodes.at(-1)!;
      const [done] = node.tree;
      const step = steps[nodes.length - 1];
      if (step !== undefined) node.sleep.push(step);
      if (done !== undefined) node.tree.shift();
      while (steps.length >= nodes.length) steps.pop();
      if (node.tree.length > 0) {
        this.names.forget(node.mark);
        this.fresh = steps.length;
        return true;
      }
      nodes.pop();
    }
    return false;
  }

  /** The strategy of the next execution: what it shares with the one before, the branch taken up, and on as it comes. */
  private follow(): Strategy {
    const { steps, nodes, names, collector } = this;
    let position = -1;
    let now = 0;
    this.lasts = [];
    this.killed = this.killed.filter(({ position: at }) => at < this.fresh);
    this.barrier = 0;
    for (const [at, { actor, late }] of steps.entries()) {
      this.lasts[actor] = at;
      if (late) this.barrier = at;
    }
    /** The wakeup tree below the step being made. */
    let below: Branch[] = [];
    return {
      timed: false,
      everyStep: true,
      begin: (running) => {
        this.running = running;
        this.booted = true;
        names.catchUp(running.world.nextId);
        collector.take();
      },
      pick: (candidates, count) => {
        position += 1;
        const late = this.running!.now !== now;
        now = this.running!.now;
        if (position < this.fresh) return indexOf(candidates, count, names, steps[position]!.actor);
        names.catchUp(this.running!.world.nextId);
        let node: Node;
        if (position === this.fresh && nodes.length > position) node = nodes[position]!;
        else {
          this.finishStep();
          node = this.reach(candidates, count, below);
        }
        const chosen = node.tree[0] ?? this.choose(node);
        if (chosen === undefined) return giveUp;
        const index = indexOf(candidates, count, names, chosen.actor);
        if (index === giveUp) return giveUp;
        below = chosen.branches;
        chosen.branches = [];
        this.take(chosen.actor, candidates[index]!.pending, late);
        collector.begin(candidates[index]!.id, this.running!.world);
        return index;
      },
      event: (event, kind, actor, world) => {
        if (this.booted && position < this.fresh) return;
        collector.add(event, kind, actor, world);
        if (kind === creates) this.births[names.actorOf((event as EventByKind['actor.create']).actor)] = position;
        else if (kind === exits) {
          const { actor: number } = event as EventByKind['actor.exit'];
          if (number !== actor) this.killed.push({ actor: names.actorOf(number), number, position });
        }
      },
      look: (resource, id, _actor, world) => {
        if (!this.booted || position >= this.fresh) collector.look(resource, id, world);
      },
    };
  }

  /** The execution has come to a node that is new. */
  private reach(candidates: readonly Candidate[], count: number, tree: Branch[]): Node {
    const { nodes, steps, names } = this;
    const able: number[] = [];
    for (let i = 0; i < count; i += 1) able.push(names.actorOf(candidates[i]!.id));
    const before = nodes.at(-1);
    const step = steps.at(-1);
    const sleep =
      before === undefined || step === undefined
        ? []
        : before.sleep.filter(({ ranges }) => conflictOf(ranges, step.ranges) === conflict.none);
    const node: Node = { able, sleep, tree, mark: names.mark() };
    nodes.push(node);
    return node;
  }

  /** Any actor that is able and not asleep; the one that moved last, if it can be. */
  private choose(node: Node): Branch | undefined {
    const last = this.steps.at(-1)?.actor;
    let actor: number | undefined;
    for (const one of node.able) {
      if (isAsleep(node, one)) continue;
      if (actor === undefined || one === last) actor = one;
    }
    if (actor === undefined) return undefined;
    const branch: Branch = { actor, ranges: untouched, branches: [] };
    node.tree.push(branch);
    return branch;
  }

  /** A step is about to be made. */
  private take(actor: number, operation: Operation<unknown>, late: boolean): void {
    const { steps, lasts } = this;
    const position = steps.length;
    const prior = lasts[actor] ?? this.births[actor] ?? -1;
    if (late) this.barrier = position;
    let nth = 1;
    for (const step of steps) if (step.actor === actor) nth += 1;
    steps.push({ actor, prior, waits: waitsOf(operation), late, ranges: untouched, clock: [], races: [] });
    this.names.begin(actor, nth);
    lasts[actor] = position;
  }

  /** The last step has been made: what it touched, and what happened before it, is known. */
  private finishStep(): void {
    const { steps } = this;
    const position = steps.length - 1;
    const step = steps[position];
    if (step === undefined || step.clock.length > 0) return;
    step.ranges = this.collector.take();
    const clock = step.prior < 0 ? [] : steps[step.prior]!.clock.slice();
    for (let j = 0; j < this.barrier; j += 1) clock[steps[j]!.actor] = Math.max(clock[steps[j]!.actor] ?? 0, j + 1);
    for (let j = position - 1; j >= 0; j -= 1) {
      const other = steps[j]!;
      if ((clock[other.actor] ?? 0) > j || conflictOf(other.ranges, step.ranges) === conflict.none) continue;
      step.races.push(j);
      joinClocks(clock, other.clock);
    }
    clock[step.actor] = position + 1;
    step.clock = clock;
    this.nodes[position]!.tree[0]!.ranges = step.ranges;
  }

  /** An execution has ended: its races become branches, or questions. */
  private close(): void {
    this.finishStep();
    const { steps, collector } = this;
    for (let i = this.fresh; i < steps.length; i += 1) {
      const step = steps[i]!;
      if (step.waits === 'in contention') this.contend(step, i - 1, []);
      if (step.waits !== 'never') continue;
      for (const j of step.races) this.reverse(j, step.actor, step.ranges, conflictOf(steps[j]!.ranges, step.ranges));
    }
    for (const waiting of this.waiting()) this.contend(waiting, steps.length - 1, []);
    for (const { actor, number, position } of this.killed) {
      if (position < this.fresh) continue;
      // What it would have done is not known, but that it could have done it before it was ended.
      collector.begin(number, this.running!.world);
      const ranges = collector.take();
      this.contend({ actor, prior: this.lasts[actor] ?? this.births[actor] ?? -1, ranges }, position, []);
    }
  }

  /** Who waits at the end for what another may have taken. */
  private waiting(): Contender[] {
    const { names, collector } = this;
    const { world } = this.running!;
    return this.running!.waiting()
      .filter(({ id, pending }) => waitsOf(pending) === 'in contention' && !pending.ready(world, id))
      .map(({ id, pending }) => {
        const actor = names.actorOf(id);
        return {
          actor,
          prior: this.lasts[actor] ?? this.births[actor] ?? -1,
          ranges: collector.intentOf(pending, id, world),
        };
      });
  }

  /**
   * The races of a contender with the steps up to `last`, the latest first: any that conflicts, and before which it could be
   * ready. What happened before a race that was found (`covered`) is left to the executions in which that is reversed.
   */
  private contend(contender: Contender, last: number, covered: number[]): void {
    const { steps, nodes } = this;
    const { actor, prior, ranges } = contender;
    const known = prior < 0 ? [] : steps[prior]!.clock;
    for (let j = last; j >= 0; j -= 1) {
      const other = steps[j]!;
      if (other.actor === actor || (known[other.actor] ?? 0) > j || (covered[other.actor] ?? 0) > j) continue;
      if (ranges.length > 0 && conflictOf(other.ranges, ranges) === conflict.none) continue;
      const moves = this.independentOf(j);
      // While it waits, it is plain to see whether it could have gone first.
      const seen = prior < j && moves.every((move) => conflictOf(move.ranges, ranges) === conflict.none);
      if (seen && !nodes[j]!.able.includes(actor)) continue;
      const heard = (able: boolean): void => {
        if (able) joinClocks(covered, other.clock);
        this.contend(contender, j - 1, covered);
      };
      this.questions.push({ at: j, moves, actor, heard });
      return;
    }
  }

  /** The steps after `j` that do not depend on it. */
  private independentOf(j: number): Move[] {
    const { steps } = this;
    const { actor } = steps[j]!;
    const moves: Move[] = [];
    for (let k = j + 1; k < steps.length; k += 1) if ((steps[k]!.clock[actor] ?? 0) <= j) moves.push(steps[k]!);
    return moves;
  }

  /** The actor is to go before the step at `j`. */
  private reverse(j: number, actor: number, ranges: Ranges, how: number): void {
    const moves = this.independentOf(j);
    if (how === conflict.unsteady) this.questions.push({ at: j, moves, actor });
    else this.add(j, [...moves, { actor, ranges }]);
  }

  /** Whether what is asked for has been explored, whatever the last actor touches. */
  private isAnswered({ at, moves }: Question): boolean {
    return this.nodes[at]!.sleep.some((move) => {
      const place = weakInitial(move, moves);
      return place !== -1 && place < moves.length;
    });
  }

  /** Adds a beginning to a node, unless it has been explored. */
  private add(at: number, moves: readonly Move[]): void {
    const { sleep, tree } = this.nodes[at]!;
    if (sleep.every((move) => weakInitial(move, moves) === -1)) insert(tree, moves);
  }

  /** A short execution that answers a question. */
  private ask({ at, moves, actor, heard }: Question): Strategy {
    const names = this.names.fork(this.nodes[at]!.mark);
    const collector = new Collector(names);
    const path = [...this.steps.slice(0, at), ...moves].map((move) => move.actor);
    const counts: number[] = [];
    let position = -1;
    let world: Running['world'];
    let asked = false;
    this.answer = () => {
      if (asked) this.add(at, [...moves, { actor, ranges: collector.take() }]);
      heard?.(asked);
    };
    return {
      timed: false,
      everyStep: true,
      begin: (running) => {
        world = running.world;
        collector.take();
      },
      pick: (candidates, count) => {
        if (asked) return giveUp;
        position += 1;
        if (position >= at) names.catchUp(world.nextId);
        const next = path[position] ?? actor;
        const index = indexOf(candidates, count, names, next);
        counts[next] = (counts[next] ?? 0) + 1;
        if (position >= at) {
          names.begin(next, counts[next]);
          collector.take();
          if (index !== giveUp) collector.begin(candidates[index]!.id, world);
        }
        asked = position === path.length && index !== giveUp;
        return index;
      },
      event: (event, kind, by, now) => {
        if (position >= at) collector.add(event, kind, by, now);
      },
      look: (resource, id, _by, now) => {
        if (position >= at) collector.look(resource, id, now);
      },
    };
  }
}

/** Whether the actor's next step need not be taken here. */
function isAsleep({ sleep }: Node, actor: number): boolean {
  for (const move of sleep) if (move.actor === actor) return true;
  return false;
}

/** The candidate that is this actor, if it can move. */
function indexOf(candidates: readonly Candidate[], count: number, names: Names, actor: number): number {
  for (let i = 0; i < count; i += 1) if (names.actorOf(candidates[i]!.id) === actor) return i;
  return giveUp;
}

function joinClocks(into: number[], from: readonly number[]): void {
  for (let i = 0; i < from.length; i += 1) if ((from[i] ?? 0) > (into[i] ?? 0)) into[i] = from[i]!;
}
