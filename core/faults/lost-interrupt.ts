import type { World } from '../world.ts';
import type { Device, MsiPacket } from '../pcie/state.ts';
import type { Fault } from './fault.ts';

/** A device whose next packet is an MSI. */
function sending(world: World): Device | undefined {
  return [...world.devices.values()].find(({ posted }) => posted[0]?.kind === 'msi');
}

export const lostInterrupt: Fault = {
  doc: 'An MSI that is on its way gets lost.',
  ready: (world) => sending(world) !== undefined,
  strike(step) {
    const { id: device, posted } = sending(step.world)!;
    step.emit({ kind: 'msi', device, vector: (posted[0] as MsiPacket).vector, status: 'lost' });
    step.emit({ kind: 'tlp.landed', device });
  },
};
