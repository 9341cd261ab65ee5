import { deviceOf, freeTag, landed } from '../../core/pcie/flow.ts';
import type { EventByKind } from '../../core/events.ts';
import type { World } from '../../core/world.ts';
import type { Origin } from './access.ts';

type Beat = EventByKind['dma.read' | 'dma.write'];
type Packet = EventByKind['tlp.read' | 'tlp.write'];

/** The segment that an engine is moving. */
interface Segment {
  readonly request: number;
  readonly segment: number;
  /** Where its next packet goes, when it goes on. */
  end: number;
  readonly begin: number;
}

/**
 * Who asked for the packets that are on their way, and what it knew then. The link moves a packet's data later, but does
 * not order it: to everybody else it happens at any time from when it was sent.
 */
export class Packets {
  /** By engine. */
  private readonly segments: Segment[] = [];
  /** By device and number. */
  private readonly posted = new Map<number, Origin>();
  /** By the actor that completes it. */
  private readonly requested: Origin[] = [];

  /** Where the segment that the engine sends a packet of began. */
  begin({ request, segment, address, length }: Packet, engine: number): number {
    const known = this.segments[engine];
    if (known?.request === request && known.segment === segment && known.end === address) {
      known.end += length;
      return known.begin;
    }
    this.segments[engine] = { request, segment, end: address + length, begin: address };
    return address;
  }

  sent(packet: Packet, origin: Origin, world: World): void {
    const device = deviceOf(world, origin.actor);
    if (packet.kind === 'tlp.write') this.posted.set(numberOf(device.id, device.postedCount + 1), origin);
    else this.requested[device.tags[freeTag(device)]!.completer] = origin;
  }

  /** The oldest posted packet of a device has landed. */
  landed(device: number, world: World): void {
    this.posted.delete(numberOf(device, landed(world.devices.get(device)!) + 1));
  }

  /** Who is behind a beat that the actor carries out. */
  originOf(beat: Beat, actor: number, world: World): Origin {
    if (beat.kind === 'dma.read') return this.requested[actor]!;
    const device = deviceOf(world, actor);
    return this.posted.get(numberOf(device.id, landed(device) + 1))!;
  }
}

const numberOf = (device: number, packet: number): number => device * 2 ** 32 + packet;
