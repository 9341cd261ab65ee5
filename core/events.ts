/**
 * The event catalogue: every kind there is, in the order of their numbers.
 * To add a kind: an entry in its room's `kinds.ts`, a case in its `transitions.ts`, a test.
 */
import { actorKinds } from './actors/kinds.ts';
import type { EventsOf, Kind } from './catalogue.ts';
import { faultKinds } from './faults/kinds.ts';
import { iokitKinds } from './iokit/kinds.ts';
import { memoryKinds } from './memory/kinds.ts';
import { pcieKinds } from './pcie/kinds.ts';

/**
 * Version of the model. A recording can only be folded and re-executed by the version
 * that made it: any change to a kind, a transition or a decision must raise it.
 */
export const modelVersion = 3;

export const kinds = { ...actorKinds, ...memoryKinds, ...iokitKinds, ...pcieKinds, ...faultKinds };

export type KindName = keyof typeof kinds;
export type EventByKind = EventsOf<typeof kinds>;

/** Any event, told apart by its `kind`. Immutable. */
export type AnyEvent = EventByKind[KindName];

/** Kind names by number. */
export const kindNames: readonly KindName[] = Object.keys(kinds) as KindName[];

/** Kind numbers by name. */
export const kindNumbers: ReadonlyMap<string, number> = new Map(kindNames.map((name, number) => [name, number]));

/** By kind number: whether it changes nothing but bytes, so that nobody who waits can go on because of it. */
export const quietKinds: readonly boolean[] = kindNames.map((name) => (kinds[name] as Kind).quiet === true);

/** The declarations by kind number: faster than by name. */
export const kindsByNumber: readonly Kind[] = kindNames.map((name) => kinds[name]);

/** The declaration of a kind. */
export function kindOf(name: KindName): Kind {
  return kinds[name];
}
