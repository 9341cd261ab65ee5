import { kill } from '../actors/dying.ts';
import type { Fault } from './fault.ts';
import { living } from './living.ts';

export const appKill: Fault = {
  doc: 'The app is killed: its threads end, those in the kernel at their way out.',
  strike: (step) => kill(step, living(step.world, 'app')!, 'kill', 'killed'),
};
