/** What of a device's packets is still on its way. */
import type { World } from '../world.ts';
import type { Device } from './state.ts';

/** Packets that have landed: of those posted, the first so many. */
export function landed({ postedCount, posted }: Device): number {
  return postedCount - posted.length;
}

/** Whether the device may post a packet. */
export function hasCredit({ devices, machine }: World, device: number): boolean {
  return devices.get(device)!.posted.length < machine.credits;
}

/** The position of the tag that the next read request gets; -1 when all are in flight. */
export function freeTag({ tags }: Device): number {
  return tags.findIndex(({ read }) => read === null);
}

/** The position of the tag whose requests the actor completes. */
export function tagOf({ tags }: Device, completer: number): number {
  return tags.findIndex((tag) => tag.completer === completer);
}

/** The device that an actor belongs to. */
export function deviceOf(world: World, actor: number): Device {
  return world.devices.get(world.actors.get(actor)!.device)!;
}

/** The engine that a beat moves data for, on the world just before it: the link's actors move what engines have sent. */
export function engineOf(world: World, beat: 'dma.read' | 'dma.write', actor: number): number {
  const device = deviceOf(world, actor);
  if (beat === 'dma.read') return device.tags[tagOf(device, actor)]?.read?.engine ?? actor;
  const [packet] = device.posted;
  return packet?.kind === 'write' ? packet.engine : actor;
}
