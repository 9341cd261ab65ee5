import { hasEngines, stopEngines } from '../pcie/engines.ts';
import type { Fault } from './fault.ts';

export const stall: Fault = {
  doc: 'The device hangs: its engines stop for ever. Registers still answer, and what it has posted still lands.',
  ready: (world) => [...world.devices.keys()].some((device) => hasEngines(world, device)),
  strike(step) {
    for (const device of step.world.devices.keys()) stopEngines(step, device, 'stalled');
  },
};
