import { InputError } from '../core/errors.ts';
import { kindNames, kindNumbers, type AnyEvent, type KindName } from '../core/events.ts';
import { emptyWorld, type World } from '../core/world.ts';
import type { Finding, RuleName } from '../scheduler/finding.ts';
import { watchRaces } from './races/detector.ts';
import { raceRules } from './races/rules.ts';
import { everywhere, type Beat, type Moment, type Report, type RuleHead, type Stretch, type Watch } from './rule.ts';
import { misuseRules, watchedRules } from './rules.ts';

const noWorld = emptyWorld();
const nowhere: Stretch = { from: 0, to: 0 };

type Handler = (event: AnyEvent, at: Moment) => void;

/** Begins to watch a run, with one rule or several that work together. */
type Begin = (reporter: (rule: RuleHead) => Report) => Watch;

/** What a choice of rules comes to: made once, for all the runs that are watched with it. */
interface Plan {
  readonly begins: readonly Begin[];
  /** By kind number: which of them look at it; for beats, besides those in `beats`. Undefined where nobody looks. */
  readonly lookers: readonly (readonly number[] | undefined)[];
  /** Which of them look at beats. */
  readonly beats: readonly number[];
  /** By kind number: whether it can change what these say of a beat. */
  readonly disturbs: readonly boolean[];
}

/** By the very list of names, and by what is in it. */
const plans = new WeakMap<object, Plan>();
const plansByNames = new Map<string, Plan>();

/** @throws {InputError} for a name that no rule has */
function planOf(names: Iterable<RuleName>): Plan {
  let plan = plans.get(names);
  if (plan === undefined) {
    const key = [...names].toSorted().join();
    plan = plansByNames.get(key) ?? makePlan(chosenOf(names));
    plans.set(names, plan);
    plansByNames.set(key, plan);
  }
  return plan;
}

function makePlan(chosen: ReadonlySet<RuleName>): Plan {
  const begins: Begin[] = misuseRules
    .filter(({ name }) => chosen.has(name))
    .map((rule) => (reporter) => rule.watch(reporter(rule)));
  const races = raceRules.filter(({ name }) => chosen.has(name));
  if (races.length > 0) {
    begins.push((reporter) => watchRaces(new Map(races.map((rule) => [rule.name, reporter(rule)]))));
  }
  const watches = begins.map((begin) => begin(() => () => {}));
  const looks = watches.map(({ on, after }): Watch['on'] => ({ ...on, ...after?.on }));
  const beats = watches.flatMap((watch, index) => ('beat' in watch ? [index] : []));
  const lookers = kindNames.map((kind) => {
    const those = looks.flatMap((on, index) => (on[kind] === undefined ? [] : [index]));
    const isBeat = kind === 'dma.read' || kind === 'dma.write';
    return those.length === 0 && !(isBeat && beats.length > 0) ? undefined : those;
  });
  const disturbs = kindNames.map((kind) =>
    beats.some((index) => looks[index]![kind] !== undefined && watches[index]!.aside?.includes(kind) !== true),
  );
  return { begins, lookers, beats, disturbs };
}

/** The first finding of a rule and key, and how often it was found. */
interface Entry {
  readonly finding: Omit<Finding, 'message'>;
  readonly message: string | (() => string);
  readonly advice: string;
  count: number;
}

/**
 * Watches a run, or a fold, with rules. A kind that no rule looks at costs one array look-up.
 *
 * @example
 * const watcher = new Watcher(['completed-twice', 'late-write']);
 * // for each event: watcher.event(event, kind, actor, tick, world);
 * watcher.end(world);
 * watcher.findings();
 */
export class Watcher {
  private readonly plan: Plan;
  /** A rule begins with the first event that it looks at: most runs have none for most rules. */
  private readonly watches: (Watch | undefined)[] = [];
  /** By kind number: what is done with such an event; nothing where no rule looks. */
  private readonly handlers: (Handler | undefined)[];
  /** Does what is done with the events of a kind, which is found out first. */
  private readonly first: Handler = (event, at) => this.begin(event.kind)?.(event, at);
  /** Rules that there was the event for after which they look at more. */
  private readonly awake = new Set<number>();
  /** Where beats of either kind say nothing, for now, to those that look at them. */
  private readonly calm = { 'dma.read': { from: 0, to: 0 }, 'dma.write': { from: 0, to: 0 } };
  private readonly entries = new Map<string, Entry>();
  /** One for all events, so that none is allocated for each. */
  private readonly moment: { -readonly [Name in keyof Moment]: Moment[Name] };
  private seq = 0;

  /** @throws {InputError} for a name that no rule has */
  constructor(names: Iterable<RuleName>) {
    this.plan = planOf(names);
    this.moment = { seq: 0, actor: 0, tick: 0, world: noWorld };
    this.handlers = this.plan.lookers.map((lookers) => (lookers === undefined ? undefined : this.first));
  }

  /** To be called with every event, whose kind has that number, and the world as it was just before it. */
  event(event: AnyEvent, kind: number, actor: number, tick: number, world: World): void {
    const seq = this.seq++;
    const handler = this.handlers[kind];
    if (handler === undefined) return;
    const { moment } = this;
    moment.seq = seq;
    moment.actor = actor;
    moment.tick = tick;
    moment.world = world;
    handler(event, moment);
  }

  /** To be called after a run that ended by itself. */
  end(world: World): void {
    for (const watch of this.watches) watch?.end?.(world);
  }

  /** What was found so far, in the order of the events that showed it. */
  findings(): Finding[] {
    return [...this.entries.values()]
      .map(({ finding, message, advice, count }) => {
        const story = typeof message === 'string' ? message : message();
        const more = count === 1 ? '' : `\n  and ${count - 1} more like this`;
        return { ...finding, message: `${story}${more}\n  ${advice}` };
      })
      .toSorted((a, b) => a.seq - b.seq);
  }

  /** What is done with the events of a kind, from the first one on; nothing while all rules that look at it sleep. */
  private begin(name: KindName): Handler | undefined {
    const kind = kindNumbers.get(name)!;
    const { lookers, beats, disturbs } = this.plan;
    const all = lookers[kind]!.flatMap((index) => this.handlersOf(index, name));
    if (beats.length > 0 && (name === 'dma.read' || name === 'dma.write')) all.unshift(this.beats(name));
    else if (disturbs[kind]!) all.unshift(() => (this.calm['dma.read'].to = this.calm['dma.write'].to = 0));
    const handler: Handler | undefined =
      all.length < 2 ? all[0] : (event, at) => all.forEach((each) => each(event, at));
    this.handlers[kind] = handler;
    return handler;
  }

  private handlersOf(index: number, name: KindName): Handler[] {
    const { on, after } = this.watch(index);
    const sleeps = after !== undefined && !this.awake.has(index);
    return [
      ...(sleeps && after.kind === name ? [() => this.wake(index, after.on)] : []),
      on[name] as Handler | undefined,
      sleeps ? undefined : (after?.on[name] as Handler | undefined),
    ].filter((handler) => handler !== undefined);
  }

  /** The rule looks at more from now on. */
  private wake(index: number, more: Watch['on']): void {
    if (this.awake.has(index)) return;
    this.awake.add(index);
    for (const kind of Object.keys(more)) this.handlers[kindNumbers.get(kind)!] = this.first;
  }

  /** Shows beats to the rules, but those that lie where all of them have said that it says nothing. */
  private beats(name: Beat['kind']): Handler {
    const calm = this.calm[name];
    const watches = this.plan.beats.map((index) => this.watch(index));
    return (event, at) => {
      const { address, length, status } = event as Beat;
      if (address >= calm.from && address + length <= calm.to && status === 'ok') return;
      let { from, to } = everywhere;
      for (const watch of watches) {
        const stretch = watch.beat!(event as Beat, at) ?? nowhere;
        from = Math.max(from, stretch.from);
        to = Math.min(to, stretch.to);
      }
      calm.from = from;
      calm.to = status === 'ok' ? to : 0;
    };
  }

  private watch(index: number): Watch {
    return (this.watches[index] ??= this.plan.begins[index]!((rule) => this.reporter(rule)));
  }

  private reporter({ name: rule, severity, advice }: RuleHead): Report {
    return ({ message, seq, actors, key = '' }) => {
      const same = `${rule} ${key}`;
      const entry = this.entries.get(same);
      if (entry !== undefined) {
        entry.count += 1;
        return;
      }
      this.entries.set(same, { finding: { rule, severity, seq, actors }, message, advice, count: 1 });
    };
  }
}

function chosenOf(names: Iterable<RuleName>): ReadonlySet<RuleName> {
  const known = new Set(watchedRules.map(({ name }) => name));
  const chosen = new Set(names);
  for (const name of chosen) {
    if (!known.has(name)) throw new InputError(`there is no rule "${name}"; there are: ${[...known].join(', ')}`);
  }
  return chosen;
}
