/** Every fault there is: the names of the files in this folder that are listed in `core/faults.ts`. */
export const faultNames = [
  'allocation',
  'cannot-wire',
  'no-resources',
  'stall',
  'lost-interrupt',
  'completion-error',
  'unplug',
  'dext-crash',
  'app-kill',
  'memory-pressure',
] as const;
export type FaultName = (typeof faultNames)[number];
