/** Pairs of operations of two actors that touch the same, at least one to change it: what a schedule decides. */
import type { Resource } from '../../core/catalogue.ts';
import type { World } from '../../core/world.ts';
import { Column, type Pool } from './column.ts';
import { sizeOf, type Touched, type Touches } from './touches.ts';
import { Users } from './users.ts';

/**
 * What a pair is about: bytes of memory, bytes of a device's own, or an object of some kind. Bus addresses,
 * places in an address space, and the link's packets and tags are not among it: they go by the schedule, and what
 * happens to them shows in the rest.
 */
export const matters = [
  'frame',
  'device',
  'inline',
  'object',
  'descriptor',
  'command',
  'action',
  'connection',
  'call',
  'queue',
  'port',
  'source',
  'mutex',
  'register',
  'fifo',
  'service',
] as const satisfies readonly Resource[];

const numbers: ReadonlyMap<Resource, number> = new Map(matters.map((name, number) => [name, number]));

/** Who last touched an object; -1 for nobody. */
interface Touchers {
  written: number;
  writer: number;
  /** By actor. */
  readonly read: Map<number, number>;
}

/**
 * Watches a run and notes, for each access, those just before it that it must not change places with:
 * the last writer's, and for a write the readers' since. The order of all conflicting pairs follows from these.
 */
export class Conflicts {
  /** The earlier operation of each pair, the later one, and what it is about: a position in {@link matters}. */
  readonly first: Column;
  readonly second: Column;
  readonly matter: Column;
  private readonly frames = new Map<number, Users>();
  private readonly devices = new Map<number, Users>();
  private readonly objects: Map<number, Touchers>[] = matters.map(() => new Map<number, Touchers>());
  /** The pair noted last: a run of bytes says the same again and again. */
  private lastFirst = -1;
  private lastSecond = -1;

  constructor(pool: Pool) {
    this.first = new Column(pool);
    this.second = new Column(pool);
    this.matter = new Column(pool);
  }

  /** Takes in what the event touches. A `consequence` has no place in the order: it only moves bytes. */
  event(seq: number, actor: number, touches: Touches, world: World, consequence: boolean): void {
    let copied: Users | undefined;
    for (let i = 0; i < touches.count; i += 1) {
      const touched = touches.list[i]!;
      const matter = numbers.get(touched.resource);
      if (matter === undefined) continue;
      if (!touched.bytes) {
        if (!consequence) this.object(seq, actor, touched, matter);
        continue;
      }
      const users = this.usersOf(touched, world);
      if (!consequence) this.bytes(seq, actor, touched, users, matter);
      else if (touched.access === 'read') copied = users;
      else users.renew(copied);
    }
  }

  private bytes(seq: number, actor: number, touched: Touched, users: Users, matter: number): void {
    users.fit(touched.from, touched.to);
    const { grain, written, writers, read } = users;
    const from = touched.from / grain;
    const to = touched.to / grain;
    let last = 0;
    for (let at = from; at < to; at += 1) {
      const time = written[at]!;
      if (time === last) continue;
      last = time;
      if (time !== 0 && writers[at] !== actor) this.note(time - 1, seq, matter);
    }
    if (touched.access === 'read') {
      let times = read.get(actor);
      if (times === undefined) {
        times = new Uint32Array(written.length);
        read.set(actor, times);
      }
      times.fill(seq + 1, from, to);
      return;
    }
    for (const [reader, times] of read) {
      last = 0;
      for (let at = from; at < to; at += 1) {
        const time = times[at]!;
        times[at] = 0;
        if (time === last) continue;
        last = time;
        if (time !== 0 && reader !== actor) this.note(time - 1, seq, matter);
      }
    }
    written.fill(seq + 1, from, to);
    writers.fill(actor, from, to);
  }

  private object(seq: number, actor: number, { id, access }: Touched, matter: number): void {
    const objects = this.objects[matter]!;
    let touchers = objects.get(id);
    if (touchers === undefined) {
      touchers = { written: -1, writer: -1, read: new Map() };
      objects.set(id, touchers);
    }
    if (touchers.written !== -1 && touchers.writer !== actor) this.note(touchers.written, seq, matter);
    if (access === 'read') {
      touchers.read.set(actor, seq);
      return;
    }
    if (touchers.read.size > 0) {
      for (const [reader, time] of touchers.read) if (reader !== actor) this.note(time, seq, matter);
      touchers.read.clear();
    }
    touchers.written = seq;
    touchers.writer = actor;
  }

  private note(first: number, second: number, matter: number): void {
    if (first === second || (first === this.lastFirst && second === this.lastSecond)) return;
    this.lastFirst = first;
    this.lastSecond = second;
    this.first.push(first);
    this.second.push(second);
    this.matter.push(matter);
  }

  private usersOf({ resource, id }: Touched, world: World): Users {
    const places = resource === 'frame' ? this.frames : this.devices;
    let users = places.get(id);
    const size = sizeOf(world, resource, id);
    if (users === undefined || users.size < size) {
      users = new Users(size);
      places.set(id, users);
    }
    return users;
  }
}
