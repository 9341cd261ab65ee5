import { Device, type DeviceModel } from '../devices/device.ts';
import type { Step } from '../operation.ts';

/** What stands behind a device's number in the live registry. */
interface Plugged {
  readonly model: DeviceModel;
  /** The actors of its engines. */
  readonly engines: readonly number[];
}

/** Starts a device's engines, each an actor of its own. */
export function startEngines(step: Step, device: number, model: DeviceModel): void {
  const engines = Object.entries(model.engines(new Device(device))).map(([name, program]) =>
    step.spawn({ name: `device:${name}`, role: 'device', task: 0, device, daemon: true, program }),
  );
  step.live.set(device, { model, engines } satisfies Plugged);
}

/** Resets a device whose packets have all landed: registers as after power-up, and its engines begin anew. */
export function resetDevice(step: Step, device: number): void {
  const { model, engines } = step.live.get(device) as Plugged;
  for (const actor of engines)
    if (step.world.actors.get(actor)!.alive) step.emit({ kind: 'actor.exit', actor, reason: 'reset' });
  step.emit({ kind: 'device.reset', device });
  startEngines(step, device, model);
}
