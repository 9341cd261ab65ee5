/** How the device's addresses become frames. */
import type { World } from '../world.ts';
import type { BeatStatus } from './kinds.ts';
import type { Device } from './state.ts';

/** Command register of configuration space and its bits (facts §7.1; IOPCIFamilyDefinitions.h 290-301). */
export const kIOPCIConfigurationOffsetCommand = 0x04;
export const kIOPCICommandMemorySpace = 0x2;
export const kIOPCICommandBusLead = 0x4;

/** Whether the command register has all the bits. */
export function commandHas(device: Device, bits: number): boolean {
  return (device.config[kIOPCIConfigurationOffsetCommand]! & bits) === bits;
}

/** The frame behind a bus address: through the IOMMU, or physical without one. */
export function frameAt(world: World, address: number): number | undefined {
  const page = Math.floor(address / world.machine.pageSize);
  if (world.machine.mapper !== 'none') return world.iommu.get(page)?.frame;
  return world.frames.has(page) ? page : undefined;
}

/**
 * What becomes of a beat at a bus address. With a mapper, a page must be mapped with the right; a DART reportedly lets writes
 * through to read-only pages (facts §4.6). Without one, any allocated frame answers.
 */
export function beatStatus(world: World, address: number, write: boolean): BeatStatus {
  const { machine } = world;
  const page = Math.floor(address / machine.pageSize);
  if (machine.mapper === 'none') return world.frames.has(page) ? 'ok' : 'no-memory';
  const entry = world.iommu.get(page);
  if (entry === undefined) return 'iommu-fault';
  const allowed = entry.access === 'read-write' || entry.access === (write ? 'write' : 'read');
  if (!allowed && (machine.mapper !== 'dart' || machine.dartEnforcesReadOnly)) return 'iommu-fault';
  // Without a lock, commands that race can leave a page mapped that nobody wires any more (facts §10 (22)).
  return world.frames.has(entry.frame) ? 'ok' : 'no-memory';
}
