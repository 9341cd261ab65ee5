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
const reads = kindNumbers.get('dma.read')!;
const writes = kindNumbers.get('dma.write')!;

type Handler = (event: AnyEvent, at: Moment) => void;

/** Begins to watch a run, with one rule or several that work together. */
type Begin = (reporter: (rule: RuleHead) => Report) => Watch;

/** What a choice of rules comes to: made once, for all the runs that are watched with it. */
interface Plan {
  readonly begins: readonly Begin[];
  /** By kind number: which of them look at it. */
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
  const looks = watches.map(({ on }) => on);
  const lookers = kindNames.map((kind) => {
    const those = looks.flatMap((on, index) => (on[kind] === undefined ? [] : [index]));
    return those.length === 0 ? undefined : those;
  });
  const beats = watches.flatMap((watch, index) => ('beat' in watch ? [index] : []));
  const disturbs = kindNames.map((kind) => beats.some((index) => looks[index]![kind] !== undefined));
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
  /** By kind number, once there was such an event. */
  private readonly handlers: (readonly Handler[] | undefined)[] = [];
  /** Those that look at beats, once there was one. */
  private beats: readonly Watch[] | undefined = undefined;
  /** Where reads, and writes, say nothing to them for now. */
  private readonly calm: [reads: Stretch, writes: Stretch] = [nowhere, nowhere];
  private readonly entries = new Map<string, Entry>();
  /** One for all events, so that none is allocated for each. */
  private readonly moment: { -readonly [Name in keyof Moment]: Moment[Name] };
  private seq = 0;

  /** @throws {InputError} for a name that no rule has */
  constructor(names: Iterable<RuleName>) {
    this.plan = planOf(names);
    this.moment = { seq: 0, actor: 0, tick: 0, world: noWorld };
  }

  /** To be called with every event, whose kind has that number, and the world as it was just before it. */
  event(event: AnyEvent, kind: number, actor: number, tick: number, world: World): void {
    const seq = this.seq++;
    const { lookers, beats, disturbs } = this.plan;
    const isBeat = beats.length > 0 && (kind === reads || kind === writes);
    if (lookers[kind] === undefined && !isBeat) return;
    const { moment } = this;
    moment.seq = seq;
    moment.actor = actor;
    moment.tick = tick;
    moment.world = world;
    if (isBeat) this.beat(event as Beat, kind === reads ? 0 : 1);
    else if (disturbs[kind]!) this.calm[0] = this.calm[1] = nowhere;
    if (lookers[kind] === undefined) return;
    for (const handler of this.handlers[kind] ?? this.begin(event.kind, kind)) handler(event, moment);
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

  /** Shows a beat to the rules, unless it lies where all of them have said that it says nothing. */
  private beat(event: Beat, way: 0 | 1): void {
    const { address, length, status } = event;
    const ok = status === 'ok';
    if (ok && address >= this.calm[way].from && address + length <= this.calm[way].to) return;
    this.beats ??= this.plan.beats.map((index) => this.watch(index));
    let { from, to } = everywhere;
    for (const watch of this.beats) {
      const stretch = watch.beat!(event, this.moment) ?? nowhere;
      from = Math.max(from, stretch.from);
      to = Math.min(to, stretch.to);
    }
    this.calm[way] = ok ? { from, to } : nowhere;
  }

  private watch(index: number): Watch {
    return (this.watches[index] ??= this.plan.begins[index]!((rule) => this.reporter(rule)));
  }

  /** The first event of a kind. */
  private begin(name: KindName, kind: number): readonly Handler[] {
    const handlers = this.plan.lookers[kind]!.map((index) => this.watch(index).on[name] as Handler);
    this.handlers[kind] = handlers;
    return handlers;
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
