import { startTermination } from '../iokit/termination.ts';
import type { Step } from '../operation.ts';
import { stopEngines } from './engines.ts';

/**
 * Surprise removal: the engines are gone, nobody is there to take completions (PCIe base spec 2.8, 6.7.3), and
 * the nub terminates with what was started on it (facts §3.6).
 */
export function unplugDevice(step: Step, device: number): void {
  stopEngines(step, device, 'removed');
  step.emit({ kind: 'device.unplug', device });
  for (const { id, provider, state } of step.world.services.values())
    if (provider === device && state === 'active') startTermination(step, id);
}
