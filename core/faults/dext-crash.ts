import { kill } from '../actors/dying.ts';
import type { Fault } from './fault.ts';
import { living } from './living.ts';

export const dextCrash: Fault = {
  doc: 'The dext crashes.',
  ready: (world) => living(world, 'dext') !== undefined,
  strike: (step) => kill(step, living(step.world, 'dext')!, 'crash', 'crashed'),
};
