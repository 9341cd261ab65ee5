/** What a run that cannot go on has to say: who waits for whom (docs/findings.md). */
import type { Resource } from '../core/catalogue.ts';
import type { Operation } from '../core/operation.ts';
import type { World } from '../core/world.ts';
import type { RuleName } from './finding.ts';

/** An actor that cannot move, and what it is in. */
export interface Stuck {
  readonly id: number;
  readonly name: string;
  readonly pending: Operation<unknown>;
}

/** One story about some of the stuck actors. */
export interface Story {
  readonly rule: RuleName;
  /** What is said before the actors are listed. */
  readonly head: string;
  readonly actors: readonly Stuck[];
}

/** Sorts the stuck actors: who waits for an answer that never came, with all who wait for them; and who else is stuck. */
export function storiesOf(world: World, stuck: readonly Stuck[]): Story[] {
  const circle = circleOf(world, stuck);
  const silent = stuck.filter((actor) => silenceOf(world, actor) !== undefined);
  const waiting = stuck.filter((actor) => silent.some((other) => reaches(world, stuck, actor, other)));
  const others = stuck.filter((actor) => !waiting.includes(actor));
  const stories: Story[] = [];
  if (silent.length > 0) {
    const said = silent.map((actor) => silenceOf(world, actor)).join('; ');
    stories.push({ rule: 'unanswered', head: `nobody answers: ${said}`, actors: waiting });
  }
  if (circle !== undefined) {
    const names = [...circle, circle[0]!].map(({ name }) => name).join(' waits for ');
    // Who waits for an action waits in a circle only through the queue of its callback.
    const throughQueue = circle.some(({ pending }) => ['queue', 'action'].includes(waitsOn(world, pending)!));
    const rule = throughQueue ? 'queue-deadlock' : 'deadlock';
    stories.push({ rule, head: `nobody can move: ${names}`, actors: others });
  } else if (others.length > 0) stories.push({ rule: 'deadlock', head: 'nobody can move', actors: others });
  return stories;
}

/** Asynchronous calls that the actor waits for in vain, and what became of their actions; nothing when it waits for something else. */
function silenceOf(world: World, { pending }: Stuck): string | undefined {
  let said: string | undefined;
  pending.intent(
    (resource, id) => {
      const awaited = resource === 'port' ? (world.ports.get(id)?.awaited ?? []) : [];
      if (awaited.length === 0) return;
      said = awaited
        .map(({ action, selector, dropped }) => {
          const what = dropped
            ? 'was dropped: its last reference went without a completion'
            : 'is still kept by the dext, which has not completed it';
          return `action #${action} of selector ${selector} ${what}`;
        })
        .join(', ');
    },
    world,
    0,
  );
  return said;
}

/** What kind of thing the operation waits for. */
function waitsOn(world: World, pending: Operation<unknown>): Resource | undefined {
  let on: Resource | undefined;
  pending.intent((resource) => (on = resource), world, 0);
  return on;
}

/** The stuck actors that could let this one go on. */
function holdersOf(world: World, stuck: readonly Stuck[], { pending }: Stuck): Stuck[] {
  return pending.heldBy(world).flatMap((id) => stuck.filter((other) => other.id === id));
}

function reaches(world: World, stuck: readonly Stuck[], from: Stuck, to: Stuck): boolean {
  const seen = new Set<Stuck>();
  const todo = [from];
  for (let actor = todo.pop(); actor !== undefined; actor = todo.pop()) {
    if (actor === to) return true;
    if (seen.has(actor)) continue;
    seen.add(actor);
    todo.push(...holdersOf(world, stuck, actor));
  }
  return false;
}

/** The first circle of waits, from its lowest actor on. */
function circleOf(world: World, stuck: readonly Stuck[]): readonly Stuck[] | undefined {
  for (const start of stuck) {
    const path = pathBack(world, stuck, start, [start], new Set());
    if (path !== undefined) return path;
  }
  return undefined;
}

/** The way from the path's end back to the start, without those that are known to lead nowhere. */
function pathBack(
  world: World,
  stuck: readonly Stuck[],
  start: Stuck,
  path: readonly Stuck[],
  seen: Set<Stuck>,
): readonly Stuck[] | undefined {
  for (const holder of holdersOf(world, stuck, path.at(-1)!)) {
    if (holder === start) return path;
    if (seen.has(holder)) continue;
    seen.add(holder);
    const found = pathBack(world, stuck, start, [...path, holder], seen);
    if (found !== undefined) return found;
  }
  return undefined;
}
