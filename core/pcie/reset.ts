import type { Step } from '../operation.ts';
import { startEngines, stopEngines } from './engines.ts';

/** Function level reset: registers as after power-up, engines begin anew; does nothing to a device that is gone (PCIe base spec 6.6.2). */
export function resetDevice(step: Step, device: number): void {
  if (!step.world.devices.get(device)!.present) return;
  stopEngines(step, device, 'reset');
  step.emit({ kind: 'device.reset', device });
  startEngines(step, device);
}
