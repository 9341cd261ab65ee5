/** The faults that a run can have. To add one: a file in `faults/`, its name in `faults/names.ts`, a line here, a test. */
import { InputError } from './errors.ts';
import { allocation } from './faults/allocation.ts';
import { appKill } from './faults/app-kill.ts';
import { cannotWire } from './faults/cannot-wire.ts';
import { completionError } from './faults/completion-error.ts';
import type { Fault } from './faults/fault.ts';
import { dextCrash } from './faults/dext-crash.ts';
import { living } from './faults/living.ts';
import { lostInterrupt } from './faults/lost-interrupt.ts';
import { memoryPressure } from './faults/memory-pressure.ts';
import { faultNames, type FaultName } from './faults/names.ts';
import { noResources } from './faults/no-resources.ts';
import { stall } from './faults/stall.ts';
import { unplug } from './faults/unplug.ts';
import { act, type Program, type Step } from './operation.ts';

/** By name. */
export const faults: Readonly<Record<FaultName, Fault>> = {
  allocation,
  'cannot-wire': cannotWire,
  'no-resources': noResources,
  stall,
  'lost-interrupt': lostInterrupt,
  'completion-error': completionError,
  unplug,
  'dext-crash': dextCrash,
  'app-kill': appKill,
  'memory-pressure': memoryPressure,
};

/**
 * The faults of a list of names.
 * @throws {InputError} naming one that there is not, and those that there are
 */
export function faultsNamed(names: readonly string[]): FaultName[] {
  return names.map((name) => {
    const found = faultNames.find((known) => known === name);
    if (found === undefined) throw new InputError(`there is no fault "${name}"; there are: ${faultNames.join(', ')}`);
    return found;
  });
}

function* striking(name: FaultName): Program {
  const fault = faults[name];
  yield* act(
    `fault ${name}`,
    'strike',
    (step) => {
      step.emit({ kind: 'fault.strike', fault: name });
      fault.strike?.(step);
    },
    {
      // Once the app is gone nobody would see it.
      ready: (world) => living(world, 'app') !== undefined && fault.ready?.(world) !== false,
      waitsFor: () => 'something to strike',
      idle: true,
    },
  );
}

/** Puts a fault into the run: an actor that strikes once, or never. */
export function plan(step: Step, name: FaultName): void {
  step.emit({ kind: 'fault.plan', fault: name });
  step.spawn({ name: `fault:${name}`, role: 'fault', task: 0, daemon: true, waits: true, program: striking(name) });
}
