import type { Device } from '../pcie/state.ts';
import type { World } from '../world.ts';
import type { Fault } from './fault.ts';

/** The first read request under way. */
function requested(world: World): { device: Device; tag: number } | undefined {
  for (const device of world.devices.values()) {
    const tag = device.tags.findIndex(({ read }) => read !== null && read.fails === 'ok');
    if (tag >= 0) return { device, tag };
  }
  return undefined;
}

export const completionError: Fault = {
  doc: 'A read request of the device is answered with completer abort (PCIe base spec 2.3.2).',
  ready: (world) => requested(world) !== undefined,
  strike(step) {
    const { device, tag } = requested(step.world)!;
    step.emit({ kind: 'tlp.fail', device: device.id, tag, status: 'completer-abort' });
  },
};
