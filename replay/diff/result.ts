/** What a diff says. In all of it `a` is the first session and `b` the second. */
import type { Options } from '../../core/scenario.ts';

/** Something that is different on the two sides. */
export interface Sides<T> {
  readonly a: T;
  readonly b: T;
}

/** An event, in its own session, in words. */
export interface Told {
  readonly seq: number;
  readonly actor: string;
  readonly text: string;
}

/** The first place where the schedules part. */
export interface Parting {
  /** The number of the decision; undefined when all that both made agree. */
  readonly decision: number | undefined;
  /** Who was picked; undefined where a session has no such decision. */
  readonly picks: Sides<string | undefined>;
  /** The first events that differ, by their sequence number; undefined where a session has ended. */
  readonly events: Sides<Told | undefined>;
}

/** Operations of one actor, one after the other, that only one session has, or that both have with a difference. */
export interface OperationGroup {
  /** `changed`: with other objects, places or bytes; `saw`: it read other bytes; `moved`: another actor did it. */
  readonly kind: 'only-a' | 'only-b' | 'changed' | 'saw' | 'moved';
  readonly count: number;
  /** The first of them. */
  readonly first: Sides<Told | undefined>;
}

/** Pairs of operations of two actors that touch the same and ran in the other order. */
export interface PairGroup {
  /** What they touch: bytes of memory (`frame`), the device's own (`device`), or an object of that kind. */
  readonly matter: string;
  /** The actors, the one that came first in `a` before the other. */
  readonly actors: readonly [string, string];
  /** How many such pairs follow each other directly in either session. */
  readonly count: Sides<number>;
  /** The first of them: in the order that `a` has. */
  readonly first: Sides<readonly [Told, Told]>;
}

/** Bytes that differ in the end. */
export interface DataGroup {
  /** `app 0x104000040`, or `sg 0x4000` in a device's own memory. */
  readonly where: Sides<string>;
  /** The block or the object that they lie in. */
  readonly what: Sides<string>;
  readonly length: number;
  /** The first of the bytes. */
  readonly bytes: Sides<Uint8Array>;
  /** How many stores or beats brought them, and the chain behind the first byte: the last event first. */
  readonly pieces: number;
  readonly brought: Sides<readonly Told[]>;
}

/** What only one session found. */
export interface FindingDifference {
  readonly rule: string;
  readonly message: string;
  readonly seq: number;
}

/** How often something followed from others' work, such as a page that was copied before a write, where that differs. */
export interface ConsequenceCount {
  readonly what: string;
  readonly count: Sides<number>;
}

export interface Diff {
  /**
   * `identical`: the same events. `reordered`: everybody did and saw the same and left the same, in another order.
   * `different`: somebody did or saw something else, or something else came out.
   */
  readonly result: 'identical' | 'reordered' | 'different';
  readonly names: Sides<string>;
  readonly events: Sides<number>;
  readonly digests: Sides<string>;
  /** Those that are not the same; where one is missing, it has the scenario's default. */
  readonly options: Sides<Options>;
  /** Where the schedules part; undefined when all events are the same. */
  readonly parting: Parting | undefined;
  /** How many operations; groups are the first of them. */
  readonly operations: {
    readonly onlyA: number;
    readonly onlyB: number;
    readonly changed: number;
    readonly saw: number;
    readonly moved: number;
    readonly groups: readonly OperationGroup[];
  };
  readonly consequences: readonly ConsequenceCount[];
  readonly pairs: readonly PairGroup[];
  readonly data: { readonly bytes: number; readonly groups: readonly DataGroup[]; readonly uncompared: number };
  readonly outcomes: Sides<string>;
  /** What the app's main program returned, as JSON; null for nothing. */
  readonly results: Sides<string | null>;
  readonly findings: Sides<readonly FindingDifference[]>;
}
