/**
 * What the numbers in a session's events stand for, told without them: a kernel object is the nth of its
 * kind that a certain actor made, a frame is a page of a VM object, an address lies so far into a heap
 * block, a mapped object or a range of bus addresses. Two runs of a scenario give the same thing the same
 * name, whatever their schedules are. Names are hashes.
 */
import type { FieldType } from '../../core/catalogue.ts';
import { kindNames, kindOf, type AnyEvent } from '../../core/events.ts';
import { mix, mixBytes, mixText } from './hash.ts';
import { Ranges } from './ranges.ts';

/** What a field says, as far as two runs can be compared by it. */
type Meaning = 'plain' | 'text' | 'id' | 'actor' | 'frame' | 'address' | 'data' | 'word' | 'none';

interface Field {
  readonly name: string;
  readonly meaning: Meaning;
  /** An enumeration's names. */
  readonly names: readonly string[] | undefined;
}

const meanings: Partial<Record<string, Meaning>> = {
  id: 'id',
  task: 'id',
  actor: 'actor',
  frame: 'frame',
  address: 'address',
  ticks: 'none', // when something happens is the schedule's
  data: 'data',
  text: 'text',
  u64: 'word',
};

/** Fields whose type does not say what they mean. */
const exceptions: Partial<Record<string, Meaning>> = {
  request: 'plain', // chosen by the driver: no kernel object
  // Which work, tag or packet it is shows in what is done; the numbers go by the schedule.
  item: 'none',
  tag: 'none',
  behind: 'none',
};

const meaningOf = (name: string, type: FieldType): Meaning =>
  exceptions[name] ?? (typeof type === 'string' ? (meanings[type] ?? 'plain') : 'plain');

const fieldsByKind: readonly (readonly Field[])[] = kindNames.map((kind) =>
  Object.entries(kindOf(kind).fields).map(([name, type]) => ({
    name,
    meaning: meaningOf(name, type),
    names: typeof type === 'string' ? undefined : type,
  })),
);

/** Whose addresses are bus addresses: the first words of the kinds. */
const busKinds: ReadonlySet<string> = new Set(['dma', 'tlp', 'iova', 'iommu', 'command']);
const onBus: readonly boolean[] = kindNames.map((name) => busKinds.has(name.split('.')[0]!));

/** Kind numbers take this many of a token's bits. */
const kindBits = 9;
const kindMask: number = (1 << kindBits) - 1;

/** The kind's number in a token. */
export function kindInToken(token: number): number {
  return token & kindMask;
}

/** Who made a thing, by path, and as which of its kind. */
export interface Creation {
  readonly actor: number;
  readonly ordinal: number;
}

/** Gives the creation by which the other session knows a thing. */
export type Renaming = (actor: number, kind: number, ordinal: number) => Creation;

interface Known {
  readonly path: string;
  readonly name: string;
  readonly hash: number;
  readonly task: number;
}

const boot: Known = { path: 'boot', name: 'boot', hash: mixText(1, 'boot'), task: 0 };

/** The names in one session, learnt from its events in order. */
export class Identities {
  /** Of the event last taken: its kind and its plain fields, for aligning. */
  token = 0;
  /** Of the event last taken: the objects, the addresses and the bytes. */
  detail = 0;
  /** How many things the event last taken made that later events name. */
  creates = 0;

  private readonly renaming: Renaming | undefined;
  private readonly actors: Known[] = [boot];
  private readonly paths = new Map<string, number>();
  private ids = new Uint32Array(1024);
  private highest = 0;
  private readonly frames = new Map<number, number>();
  private readonly spaces = new Map<number, { readonly mapped: Ranges; readonly blocks: Ranges }>();
  private readonly bus = new Ranges();
  private busStart = Infinity;
  private busEnd = 0;
  private readonly descriptorTasks = new Map<number, number>();
  private readonly made = new Map<number, number>();
  private pageSize = 1;

  constructor(renaming?: Renaming) {
    this.renaming = renaming;
  }

  /** The actor by who made it: the same in every schedule. */
  pathOf(actor: number): string {
    return this.actors[actor]?.path ?? `actor ${actor}`;
  }

  /** The hash of the actor's path. */
  hashOf(actor: number): number {
    return this.actors[actor]?.hash ?? actor;
  }

  taskOf(actor: number): number {
    return this.actors[actor]?.task ?? 0;
  }

  /** The name of a kernel object. */
  objectName(id: number): number {
    return id <= this.highest ? this.ids[id]! : mix(2, id);
  }

  /** The name of the heap block at an address of the actor's task. */
  blockName(actor: number, address: number): number {
    const { blocks } = this.space(this.taskOf(actor));
    const block = blocks.find(address);
    return block === -1 ? 0 : blocks.nameOf(block);
  }

  /** Learns what the event makes, then tells it. `number` is its kind's. */
  take(event: AnyEvent, number: number, actor: number): void {
    this.creates = 0;
    const values = event as unknown as Record<string, unknown>;
    const fields = fieldsByKind[number]!;
    this.learnObjects(values, fields, number, actor);
    this.learnPlaces(event, number, actor);
    let token = number;
    let detail = 0;
    for (let i = 0; i < fields.length; i += 1) {
      const { name, meaning, names } = fields[i]!;
      const value = values[name];
      switch (meaning) {
        case 'plain':
          token = mix(token, names === undefined ? Number(value) : names.indexOf(value as string));
          break;
        case 'text':
          token = mixText(token, value as string);
          break;
        case 'id':
          detail = mix(detail, this.objectName(value as number));
          break;
        case 'actor':
          detail = mix(detail, this.hashOf(value as number));
          break;
        case 'frame':
          detail = mix(detail, this.frames.get(value as number) ?? 0);
          break;
        case 'address':
          detail = mix(detail, this.address(value as number, event, number, actor));
          break;
        case 'data':
          detail = this.mixData(detail, value as Uint8Array);
          break;
        case 'word':
          detail = this.mixWord(detail, value as bigint);
          break;
        case 'none':
          break;
      }
    }
    this.token = ((token & ~kindMask) | number) >>> 0;
    this.detail = detail;
  }

  /** Takes bytes in; a word that is a bus address counts as what that stands for. */
  mixData(hash: number, bytes: Uint8Array, from = 0, to: number = bytes.length): number {
    let mixed = hash;
    let done = from;
    for (let at = from; at + 8 <= to; at += 8) {
      const high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
      if (high >>> 0 >= 0x20_0000) continue;
      const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      const value = (high >>> 0) * 0x1_0000_0000 + (low >>> 0);
      if (value < this.busStart || value >= this.busEnd) continue;
      const name = this.busName(value);
      if (name === 0) continue;
      mixed = mix(mixBytes(mixed, bytes, done, at), name);
      done = at + 8;
    }
    return mixBytes(mixed, bytes, done, to);
  }

  private mixWord(hash: number, value: bigint): number {
    if (value < 0x20_0000_0000_0000n) {
      const number = Number(value);
      const name = number >= this.busStart && number < this.busEnd ? this.busName(number) : 0;
      return mix(hash, name === 0 ? number : name);
    }
    return mix(mix(hash, Number(value >> 32n)), Number(value & 0xffff_ffffn));
  }

  /** A number that no object had before is an object made now. */
  private learnObjects(values: Record<string, unknown>, fields: readonly Field[], number: number, actor: number): void {
    for (let i = 0; i < fields.length; i += 1) {
      if (fields[i]!.meaning !== 'id') continue;
      const id = values[fields[i]!.name] as number;
      if (id <= this.highest) continue;
      if (id >= this.ids.length) {
        const longer = new Uint32Array(2 * id);
        longer.set(this.ids);
        this.ids = longer;
      }
      this.highest = id;
      this.ids[id] = mix(this.creation(number, actor), i);
    }
  }

  /** The name of what an event of that kind makes: the nth that the actor made by one. */
  private creation(number: number, actor: number): number {
    this.creates += 1;
    const hash = this.hashOf(actor);
    const key = actor * (kindMask + 1) + number;
    const ordinal = this.made.get(key) ?? 0;
    this.made.set(key, ordinal + 1);
    if (this.renaming === undefined) return mix(mix(hash, number), ordinal);
    const known = this.renaming(hash, number, ordinal);
    return mix(mix(known.actor, number), known.ordinal);
  }

  private learnPlaces(event: AnyEvent, number: number, actor: number): void {
    switch (event.kind) {
      case 'machine.start':
        this.pageSize = (JSON.parse(event.options) as { pageSize: number }).pageSize;
        break;
      case 'actor.create':
        this.learnActor(
          event.actor,
          event.role === 'kernel' ? event.name.replace(/-\d+$/, '') : event.name,
          event.task,
          actor,
        );
        break;
      case 'page.zero':
      case 'page.take':
      case 'page.copy':
      case 'page.swap-in':
        this.frames.set(event.frame, mix(this.objectName(event.object), event.page));
        break;
      case 'vm.enter':
        this.space(event.task).mapped.set(
          event.address,
          event.address + event.length,
          this.objectName(event.object),
          event.offset,
        );
        break;
      case 'heap.allocate':
        this.space(this.taskOf(actor)).blocks.set(
          event.address,
          event.address + Math.max(event.capacity, 1),
          this.creation(number, actor),
        );
        break;
      case 'descriptor.create':
        this.descriptorTasks.set(event.descriptor, event.task);
        break;
      case 'iova.allocate':
        this.bus.set(event.address, event.address + event.length, this.creation(number, actor));
        this.busStart = Math.min(this.busStart, event.address);
        this.busEnd = Math.max(this.busEnd, event.address + event.length);
        break;
      default:
    }
  }

  private learnActor(id: number, name: string, task: number, maker: number): void {
    const base = maker === 0 ? name : `${this.pathOf(maker)}/${name}`;
    const before = this.paths.get(base) ?? 0;
    this.paths.set(base, before + 1);
    const path = before === 0 ? base : `${base}#${before + 1}`;
    this.actors[id] = { path, name, hash: mixText(1, path), task };
  }

  private space(task: number): { readonly mapped: Ranges; readonly blocks: Ranges } {
    let space = this.spaces.get(task);
    if (space === undefined) {
      space = { mapped: new Ranges(), blocks: new Ranges() };
      this.spaces.set(task, space);
    }
    return space;
  }

  private address(address: number, event: AnyEvent, number: number, actor: number): number {
    if (onBus[number]!) {
      const name = this.busName(address);
      return name === 0 ? address : name;
    }
    const { blocks, mapped } = this.space(this.taskNamed(event, actor));
    if (event.kind === 'vm.remove') {
      // What lies first in a whole address space goes by the schedule.
      const first = mapped.find(address);
      if (first === -1 || mapped.endOf(first) < address + event.length) return 0;
      return mix(mapped.nameOf(first), mapped.offsetOf(first, address));
    }
    const block = blocks.find(address);
    if (block !== -1) return mix(blocks.nameOf(block), blocks.offsetOf(block, address));
    const entry = mapped.find(address);
    return entry === -1 ? address : mix(mapped.nameOf(entry), mapped.offsetOf(entry, address));
  }

  /** Whose address an event is about: a task that it names, a descriptor's, or the actor's own. */
  private taskNamed(event: AnyEvent, actor: number): number {
    if (event.kind === 'descriptor.range') return this.descriptorTasks.get(event.descriptor) ?? 0;
    return 'task' in event ? event.task : this.taskOf(actor);
  }

  /** What a bus address stands for: a place in a range that somebody was given or, without a mapper, in a page; 0 for nothing. */
  private busName(address: number): number {
    const range = this.bus.find(address);
    if (range !== -1) return mix(this.bus.nameOf(range), this.bus.offsetOf(range, address));
    const page = this.frames.get(Math.floor(address / this.pageSize));
    return page === undefined ? 0 : mix(page, address % this.pageSize);
  }
}
