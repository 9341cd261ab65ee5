import { reclaim } from '../memory/reclaim.ts';
import type { Fault } from './fault.ts';

export const memoryPressure: Fault = {
  doc: 'Memory gets short: the kernel swaps out, page by page, what is not wired, and drops what was given up (facts §9).',
  strike(step) {
    step.spawn({ name: 'kernel:reclaim', role: 'kernel', task: 0, daemon: true, program: reclaim() });
  },
};
