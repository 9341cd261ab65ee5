import { InputError } from '../core/errors.ts';
import { kindNames, type AnyEvent } from '../core/events.ts';
import { emptyWorld, type World } from '../core/world.ts';
import type { Finding, RuleName } from '../scheduler/finding.ts';
import { watchRaces } from './races/detector.ts';
import { raceRules } from './races/rules.ts';
import type { Moment, Report, RuleHead, Watch } from './rule.ts';
import { misuseRules, watchedRules } from './rules.ts';

type Handler = (event: AnyEvent, at: Moment) => void;

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
  /** By kind number. */
  private readonly handlers: readonly (readonly Handler[] | undefined)[];
  private readonly watches: readonly Watch[];
  private readonly entries = new Map<string, Entry>();
  /** One for all events, so that none is allocated for each. */
  private readonly moment: { -readonly [Name in keyof Moment]: Moment[Name] };
  private seq = 0;

  /** @throws {InputError} for a name that no rule has */
  constructor(names: Iterable<RuleName>) {
    const chosen = chosenOf(names);
    const races = raceRules.filter(({ name }) => chosen.has(name));
    const watches = misuseRules.filter(({ name }) => chosen.has(name)).map((rule) => rule.watch(this.reporter(rule)));
    if (races.length > 0) watches.push(watchRaces(new Map(races.map((rule) => [rule.name, this.reporter(rule)]))));
    this.watches = watches;
    this.handlers = kindNames.map((kind) => {
      const handlers = watches.flatMap(({ on }) => (on[kind] as Handler | undefined) ?? []);
      return handlers.length === 0 ? undefined : handlers;
    });
    this.moment = { seq: 0, actor: 0, tick: 0, world: emptyWorld() };
  }

  /** To be called with every event, whose kind has that number, and the world as it was just before it. */
  event(event: AnyEvent, kind: number, actor: number, tick: number, world: World): void {
    const seq = this.seq++;
    const handlers = this.handlers[kind];
    if (handlers === undefined) return;
    const { moment } = this;
    moment.seq = seq;
    moment.actor = actor;
    moment.tick = tick;
    moment.world = world;
    for (const handler of handlers) handler(event, moment);
  }

  /** To be called after a run that ended by itself. */
  end(world: World): void {
    for (const watch of this.watches) watch.end?.(world);
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
