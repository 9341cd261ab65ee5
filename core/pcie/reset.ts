import type { Step } from '../operation.ts';
import { viewOf } from '../units.ts';
import { startEngines, stopEngines } from './engines.ts';

/** Function level reset: registers as after power-up, engines begin anew; does nothing to a device that is gone (PCIe base spec 6.6.2). */
export function resetDevice(step: Step, device: number): void {
  if (!step.world.devices.get(device)!.present) return;
  stopEngines(step, device, 'reset');
  step.emit({ kind: 'device.reset', device });
  startEngines(step, device);
}

/** What a driver's reset is: the kernel saves configuration space and restores it afterwards, word by word. */
export function resetKeepingConfiguration(step: Step, device: number): void {
  const wordAt = (config: Uint8Array, offset: number): number => viewOf(config).getUint32(offset, true);
  const saved = step.world.devices.get(device)!.config.slice();
  resetDevice(step, device);
  for (let offset = 0; offset < saved.length; offset += 4) {
    const value = wordAt(saved, offset);
    if (value === wordAt(step.world.devices.get(device)!.config, offset)) continue;
    step.emit({ kind: 'config.write', device, offset, width: 4, value });
  }
}
