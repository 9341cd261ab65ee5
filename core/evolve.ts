import { actorTransitions } from './actors/transitions.ts';
import { kindNames, kindNumbers, type AnyEvent, type KindName } from './events.ts';
import { faultTransitions } from './faults/transitions.ts';
import { iokitTransitions } from './iokit/transitions.ts';
import { memoryTransitions } from './memory/transitions.ts';
import { pcieTransitions } from './pcie/transitions.ts';
import type { World } from './world.ts';

type Transition = (world: World, event: AnyEvent, actor: number) => void;

const transitions: Record<KindName, unknown> = {
  ...actorTransitions,
  ...memoryTransitions,
  ...iokitTransitions,
  ...pcieTransitions,
  ...faultTransitions,
};

const byNumber: readonly Transition[] = kindNames.map((name) => transitions[name] as Transition);

/**
 * Applies an event: the only place where the world changes. It needs nothing but
 * the event, who did it and when; it runs no user code. An immer recipe: `world`
 * may be a plain object, changed in place, or a draft. `number` is the kind's, for
 * callers that know it already.
 */
export function evolve(
  world: World,
  event: AnyEvent,
  actor: number,
  tick: number,
  number: number = kindNumbers.get(event.kind)!,
): void {
  if (world.time !== tick) world.time = tick;
  byNumber[number]!(world, event, actor);
}
