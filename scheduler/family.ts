import type { AnyEvent, EventByKind } from '../core/events.ts';
import { deviceOf, freeTag } from '../core/pcie/flow.ts';
import type { World } from '../core/world.ts';
import type { Lineage } from './lineage.ts';

/**
 * The actors of one run as members of a lineage. An actor that takes work from others is, while it does a piece of work,
 * the member that stands for this work: a dispatch queue with an item, an engine with what it took from a fifo, a
 * completer of read requests with a request.
 */
export class Family {
  private readonly lineage: Lineage;
  /** By actor: itself, and who it is now. */
  private readonly own: number[] = [0];
  private readonly now: number[] = [0];
  /** By member: how many actors and pieces of work it has created. */
  private readonly actors: number[] = [];
  private readonly works: number[] = [];
  /** Work that lies in dispatch queues, by item, and in fifos, the oldest first. */
  private readonly items = new Map<number, number>();
  private readonly fifos = new Map<string, number[]>();

  constructor(lineage: Lineage) {
    this.lineage = lineage;
  }

  /** The actor as a member of the lineage, now. */
  member(actor: number): number {
    return this.now[actor]!;
  }

  /** To be called with every event, who did it, and the world just before it. */
  event(event: AnyEvent, actor: number, world: World): void {
    switch (event.kind) {
      case 'actor.create':
        this.born(event, actor);
        return;
      case 'queue.enqueue':
        this.items.set(event.item, this.work(actor));
        return;
      case 'queue.dispatch':
        this.begin(actor, this.items.get(event.item));
        return;
      case 'fifo.push':
        this.fifo(event.device, event.fifo).push(this.work(actor));
        return;
      case 'fifo.pop':
        this.begin(actor, this.fifo(event.device, event.fifo).shift());
        return;
      case 'tlp.read': {
        const device = deviceOf(world, actor);
        this.begin(device.tags[freeTag(device)]!.completer, this.work(actor));
        return;
      }
      case 'queue.done':
      case 'tlp.complete':
        this.begin(actor, this.own[actor]);
        return;
      default:
    }
  }

  private born({ actor, name, role }: EventByKind['actor.create'], creator: number): void {
    const parent = this.member(creator);
    const nth = this.actors[parent] ?? 0;
    // A fault goes by its name: without it all others are who they were.
    if (role !== 'fault') this.actors[parent] = nth + 1;
    const member =
      role === 'fault' ? this.lineage.member(parent, 'fault', name) : this.lineage.member(parent, 'actor', nth);
    this.lineage.call(member, name);
    this.own[actor] = member;
    this.now[actor] = member;
  }

  private work(actor: number): number {
    const creator = this.member(actor);
    const nth = this.works[creator] ?? 0;
    this.works[creator] = nth + 1;
    return this.lineage.member(creator, 'work', nth);
  }

  private begin(actor: number, work: number | undefined): void {
    if (work === undefined) return;
    this.lineage.call(work, this.lineage.name(this.own[actor]!));
    this.now[actor] = work;
  }

  private fifo(device: number, fifo: number): number[] {
    const key = `${device}.${fifo}`;
    let works = this.fifos.get(key);
    if (works === undefined) {
      works = [];
      this.fifos.set(key, works);
    }
    return works;
  }
}
