import { faults } from '../faults.ts';
import { act, now, type Program } from '../operation.ts';
import type { FaultName } from './names.ts';

/**
 * Asks, where a fault can make a call fail, whether it does. Evaluates to the return code; 0 when the call goes
 * through. A step of its own in runs that have this fault, else nothing.
 */
export function* injected(fault: FaultName, call: string): Program<number> {
  if (!(yield* now(({ world }) => world.faults.has(fault)))) return 0;
  return yield* act(call, 'kernel', (step) => {
    const code = step.world.faults.get(fault) === 'struck' ? faults[fault].code! : 0;
    step.emit({ kind: 'fault.check', fault, code, call });
    return code;
  });
}
