/**
 * How an event kind is declared. One entry says what the kind is called, which
 * fields it has, how it prints and what it touches; the TypeScript types, the
 * SQLite columns and views, the digest and the docs page are all derived from it.
 */
import type { World } from './world.ts';

/** What a field holds. Numbers are non-negative safe integers unless a type says otherwise. */
export const fieldTypes = {
  id: 'number of a kernel object',
  actor: 'number of an actor',
  task: 'number of a task (process)',
  frame: 'number of a physical page frame',
  address: 'address, in bytes; printed in hexadecimal',
  bytes: 'length or offset, in bytes',
  count: 'how many',
  index: 'position, from 0',
  ticks: 'virtual time, in nanoseconds',
  code: 'return code, unsigned 32-bit',
  hex: 'bit pattern; printed in hexadecimal',
  flag: 'true or false; stored as 1 or 0',
  data: 'bytes; at most one field of a kind is data, text or u64',
  text: 'UTF-8 text',
  u64: 'unsigned 64-bit integer; stored as 8 little-endian bytes',
} as const;

/** A type from {@link fieldTypes}, or the list of an enumeration's names (stored as their positions). */
export type FieldType = keyof typeof fieldTypes | readonly string[];
export type Fields = Readonly<Record<string, FieldType>>;

type FieldValue<T extends FieldType> = T extends readonly (infer Name)[]
  ? Name
  : T extends 'data'
    ? Uint8Array
    : T extends 'text'
      ? string
      : T extends 'u64'
        ? bigint
        : T extends 'flag'
          ? boolean
          : number;

/** The TypeScript shape of a kind's fields. */
export type Payload<F extends Fields> = { readonly [Name in keyof F]: FieldValue<F[Name]> };

/**
 * How an access orders against others: two `read`s commute; `write` conflicts
 * with both; `sync` is an access that also orders its actors (a lock, a message).
 */
export type Access = 'read' | 'write' | 'sync';

/** What can be touched. `frame` and `device` are byte-addressed, the rest are whole objects. */
export type Resource =
  | 'frame'
  | 'device'
  | 'inline'
  | 'task'
  | 'object'
  | 'descriptor'
  | 'command'
  | 'action'
  | 'connection'
  | 'call'
  | 'queue'
  | 'port'
  | 'source'
  | 'mutex'
  | 'actor'
  | 'iommu'
  | 'config'
  | 'register'
  | 'posted'
  | 'packet'
  | 'tag'
  | 'fault'
  | 'fifo'
  | 'service'
  | 'allocator';

/** Called once for everything an event touches; `from` and `to` are byte bounds, `to` exclusive. */
export type Touch = (resource: Resource, id: number, access: Access, from?: number, to?: number) => void;

/**
 * How events order actors (happens-before; Lamport, "Time, Clocks, and the Ordering of Events", 1978).
 * What comes before a release is ordered before what follows a later acquire of the same key. `send` and
 * `receive` are the same for a queue: the nth receive takes over from the nth send alone.
 */
export interface Order {
  release(key: string): void;
  acquire(key: string): void;
  send(key: string): void;
  receive(key: string): void;
}

export interface Kind<F extends Fields = Fields> {
  /** What happened, in one sentence. */
  readonly doc: string;
  /** Where the rule behind it comes from: a section of the facts, a spec, a header. */
  readonly source: string;
  readonly fields: F;
  /** Whether it changes nothing but bytes, so that nobody who waits can go on because of it. */
  readonly quiet?: boolean;
  /** How one such event reads; `{name}` stands for a field. */
  readonly text: string;
  /** What the event touches, computed on the world just before it. */
  footprint(event: Payload<F>, touch: Touch, world: World, actor: number): void;
  /** How the event orders its actor against others, computed on the world just before it; absent for not at all. */
  order?(event: Payload<F>, order: Order, world: World, actor: number): void;
}

/** Declares a kind, inferring its payload for the footprint. */
export function kind<const F extends Fields>(declaration: Kind<F>): Kind<F> {
  return declaration;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a footprint's parameter is contravariant
export type Kinds = Readonly<Record<string, Kind<any>>>;

/** From a record of kinds to a record of event types, each with its `kind` as discriminant. */
export type EventsOf<K extends Kinds> = {
  readonly [Name in keyof K & string]: { readonly kind: Name } & Payload<K[Name]['fields']>;
};

/**
 * The state transitions of a room: for each of its kinds, what it does to the
 * world. They are immer recipes: they mutate `world`, which may be a plain
 * object or a draft, and need nothing but the event.
 */
export type Transitions<K extends Kinds> = {
  readonly [Name in keyof K & string]: (world: World, event: EventsOf<K>[Name], actor: number) => void;
};
