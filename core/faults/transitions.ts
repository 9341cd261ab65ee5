import type { Transitions } from '../catalogue.ts';
import type { faultKinds } from './kinds.ts';

export const faultTransitions: Transitions<typeof faultKinds> = {
  'fault.plan': (world, e) => {
    world.faults.set(e.fault, 'planned');
  },
  'fault.strike': (world, e) => {
    world.faults.set(e.fault, 'struck');
  },
  'fault.check': (world, e) => {
    if (e.code !== 0) world.faults.set(e.fault, 'spent');
  },
};
