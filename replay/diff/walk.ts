import { kindNames, kindNumbers, type KindName } from '../../core/events.ts';
import { evolve } from '../../core/evolve.ts';
import { entryAt } from '../../core/memory/fault.ts';
import { emptyWorld, type World } from '../../core/world.ts';
import type { RecordedEvent } from '../../store/reader.ts';
import { Provenance } from '../provenance.ts';
import type { Pool } from './column.ts';
import { Conflicts } from './conflicts.ts';
import { deviceStretch, stretchesOf, type Content } from './contents.ts';
import { Identities, type Renaming } from './identities.ts';
import { Log } from './log.ts';
import { Touches } from './touches.ts';

/** What follows from others' work and falls to whoever comes first, or last: page faults, the end of an object. No actor's operations. */
const consequenceKinds: ReadonlySet<KindName> = new Set([
  'page.zero',
  'page.copy',
  'page.swap-out',
  'page.drop',
  'page.swap-in',
  'page.enter',
  'vm.terminate',
]);

/** These free frames; what becomes of those shows when somebody takes them. */
const freeKinds: ReadonlySet<KindName> = new Set(['page.swap-out', 'page.drop', 'vm.terminate']);

/** The same by kind number: there are millions of events. */
const consequences: readonly boolean[] = kindNames.map((kind) => consequenceKinds.has(kind));
const frees: readonly boolean[] = kindNames.map((kind) => freeKinds.has(kind));

/** Where an object was mapped first. */
interface Place {
  readonly task: string;
  readonly address: number;
  /** Where in the object that is. */
  readonly offset: number;
}

/** A heap block in a VM object. */
interface Block {
  readonly name: number;
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

/** One session of a diff, gone through event by event: its world, and what is kept of it for comparing. */
export class Walk {
  readonly world: World = emptyWorld();
  readonly names: Identities;
  readonly log: Log;
  readonly provenance: Provenance;
  readonly conflicts: Conflicts;
  /** How often what followed from others' work. */
  readonly consequences = new Map<string, number>();
  /** What each actor made, by its events: the key is the actor's number and the kind's. */
  readonly creations = new Map<string, number[]>();
  /** Events so far. */
  seq = 0;
  private readonly places = new Map<number, Place>();
  /** The last heap block at each offset, by VM object. */
  private readonly blocks = new Map<number, Map<number, Block>>();
  private readonly touches = new Touches();
  private readonly ended: (content: Content) => void;

  /** `ended` is called with what memory held when it ends, or with the session. */
  constructor(pool: Pool, ended: (content: Content) => void, renaming?: Renaming) {
    this.ended = ended;
    this.names = new Identities(renaming);
    this.log = new Log(pool);
    this.provenance = new Provenance(pool);
    this.conflicts = new Conflicts(pool);
  }

  step({ seq, event, actor, tick }: RecordedEvent): void {
    const { world, touches, names } = this;
    const number = kindNumbers.get(event.kind)!;
    const consequence = consequences[number]!;
    names.take(event, number, actor);
    touches.look(event, world, actor, number);
    for (let i = 0; i < names.creates; i += 1) this.noteCreation(seq, actor, number);
    this.log.add(actor, names.token, names.detail, consequence ? 0 : this.seen(), consequence);
    if (consequence) {
      const what = event.kind === 'page.copy' ? `page.copy (${event.reason})` : event.kind;
      this.consequences.set(what, (this.consequences.get(what) ?? 0) + 1);
    }
    if (!frees[number]!) this.conflicts.event(seq, actor, touches, world, consequence);
    this.provenance.event(seq, event, touches, world, actor);
    switch (event.kind) {
      case 'vm.terminate':
        this.end(event.object);
        break;
      case 'vm.enter':
        this.notePlace(event.object, event.task, event.address, event.offset);
        break;
      case 'heap.allocate':
        this.noteBlock(seq, event.address, event.size, actor);
        break;
      default:
    }
    evolve(world, event, actor, tick, number);
    this.seq = seq + 1;
  }

  /** What is left when the session has ended. */
  finish(): void {
    const { world, provenance, names } = this;
    for (const id of world.objects.keys()) this.end(id);
    for (const { id, name } of world.devices.values()) {
      const stretches = deviceStretch(world, provenance, id);
      this.ended({ name: `device ${names.objectName(id)}`, place: name, address: 0, what: 'device memory', stretches });
    }
  }

  /** A VM object ends: its heap blocks one by one, because which lies where goes by the schedule, and the rest of it. */
  private end(object: number): void {
    const { world, provenance, names } = this;
    const place = this.places.get(object) ?? { task: `object #${object}`, address: 0, offset: 0 };
    const address = (offset: number): number => place.address + offset - place.offset;
    const blocks = [...(this.blocks.get(object)?.values() ?? [])];
    for (const { name, from, to, what } of blocks) {
      const stretches = stretchesOf(world, provenance, { object, from, to, except: [] });
      if (from < to) this.ended({ name: `block ${name}`, place: place.task, address: address(from), what, stretches });
    }
    const size = world.objects.get(object)!.size;
    const rest = stretchesOf(world, provenance, { object, from: 0, to: size, except: blocks });
    this.ended({
      name: `object ${names.objectName(object)}`,
      place: place.task,
      address: address(0),
      what: `VM object #${object}${this.kindOf(object)}`,
      stretches: rest,
    });
    this.places.delete(object);
    this.blocks.delete(object);
  }

  /** What a VM object is that nobody has mapped. */
  private kindOf(object: number): string {
    if (this.places.has(object)) return '';
    return this.world.objects.get(object)!.strategy === 'none' ? ', bounce pages' : ', a snapshot';
  }

  /** A hash of the bytes that the event reads. */
  private seen(): number {
    const { touches, world, names } = this;
    let seen = 0;
    for (let i = 0; i < touches.count; i += 1) {
      const { bytes, access, resource, id, from, to } = touches.list[i]!;
      if (!bytes || access === 'write') continue;
      const held = resource === 'frame' ? world.frames.get(id)?.bytes : world.devices.get(id)?.memory;
      if (held !== undefined) seen = names.mixData(seen, held, from, to);
    }
    return seen;
  }

  private noteCreation(seq: number, actor: number, kind: number): void {
    const key = `${actor} ${kind}`;
    const events = this.creations.get(key);
    if (events === undefined) this.creations.set(key, [seq]);
    else events.push(seq);
  }

  private notePlace(object: number, task: number, address: number, offset: number): void {
    if (this.places.has(object)) return;
    this.places.set(object, { task: this.world.tasks.get(task)?.name ?? `task ${task}`, address, offset });
  }

  private noteBlock(seq: number, address: number, size: number, actor: number): void {
    const entry = entryAt(this.world, this.names.taskOf(actor), address);
    if (entry === undefined) return;
    let blocks = this.blocks.get(entry.object);
    if (blocks === undefined) {
      blocks = new Map();
      this.blocks.set(entry.object, blocks);
    }
    const from = entry.offset + address - entry.start;
    const what = `block of ${size} bytes that ${this.names.pathOf(actor)} allocated (event ${seq})`;
    blocks.set(from, { name: this.names.blockName(actor, address), from, to: from + size, what });
  }
}
