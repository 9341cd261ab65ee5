import { unplugDevice } from '../pcie/unplug.ts';
import type { Fault } from './fault.ts';

export const unplug: Fault = {
  doc: 'The device is pulled out: reads give all ones, writes go nowhere, what is under way ends, and the driver is stopped.',
  ready: (world) => [...world.devices.values()].some(({ present }) => present),
  strike(step) {
    for (const { id, present } of step.world.devices.values()) if (present) unplugDevice(step, id);
  },
};
