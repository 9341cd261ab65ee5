import type { AnyEvent, KindName } from '../../core/events.ts';
import { deviceOf, engineOf, freeTag, landed } from '../../core/pcie/flow.ts';
import type { World } from '../../core/world.ts';
import type { Clock, Clocks } from './clocks.ts';

/** Events that {@link Packets} must see. */
export const packetKinds: ReadonlySet<KindName> = new Set(['tlp.write', 'tlp.read', 'tlp.landed']);

/**
 * What engines knew when they sent the packets that are on their way. The link moves a packet's data later,
 * but does not order it: to everybody else it happens at any time from when it was sent.
 */
export class Packets {
  private readonly clocks: Clocks;
  /** By number. */
  private readonly posted = new Map<number, Clock>();
  /** By the actor that completes it. */
  private readonly requested = new Map<number, Clock>();
  /** The lowest bus address of a request's segment, to count its beats from. */
  private readonly begins = new Map<string, number>();

  constructor(clocks: Clocks) {
    this.clocks = clocks;
  }

  event(event: AnyEvent, actor: number, world: World): void {
    if (event.kind === 'tlp.landed') this.posted.delete(landed(world.devices.get(event.device)!) + 1);
    if (event.kind !== 'tlp.write' && event.kind !== 'tlp.read') return;
    const device = deviceOf(world, actor);
    const clock = this.clocks.take(actor);
    if (event.kind === 'tlp.write') this.posted.set(device.postedCount + 1, clock);
    else this.requested.set(device.tags[freeTag(device)]!.completer, clock);
    const key = `${event.request}.${event.segment}`;
    this.begins.set(key, Math.min(this.begins.get(key) ?? event.address, event.address));
  }

  /** The engine whose data a beat moves, and its clock when it sent the packet. */
  sender(beat: 'dma.read' | 'dma.write', actor: number, world: World): readonly [engine: number, clock: Clock] {
    const clock = beat === 'dma.read' ? this.requested.get(actor) : this.posted.get(landed(deviceOf(world, actor)) + 1);
    return [engineOf(world, beat, actor), clock!];
  }

  /** Which beat of its segment lies at a bus address, from 0. */
  beatOf({ request, segment, address }: { request: number; segment: number; address: number }, world: World): number {
    return Math.floor((address - this.begins.get(`${request}.${segment}`)!) / world.machine.beat);
  }
}
