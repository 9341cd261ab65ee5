/** A device's engines as a whole: how they begin and end. */
import { Device, modelOf } from '../devices/device.ts';
import { Registers } from '../devices/registers.ts';
import type { Step } from '../operation.ts';
import type { World } from '../world.ts';

/** The device's living engines. */
function enginesOf(world: World, device: number): number[] {
  return [...world.actors.values()]
    .filter((actor) => actor.device === device && actor.role === 'device' && actor.alive)
    .map(({ id }) => id);
}

export function hasEngines(world: World, device: number): boolean {
  return enginesOf(world, device).length > 0;
}

/** Power comes on: registers hold what the model says, and its engines start, each an actor of its own. */
export function startEngines(step: Step, device: number): void {
  const model = modelOf(step, device);
  model.powerUp?.(new Registers(step, device));
  for (const [name, program] of Object.entries(model.engines(new Device(device)))) {
    step.spawn({ name: `device:${name}`, role: 'device', task: 0, device, daemon: true, program });
  }
}

/** Ends the device's engines where they are. What they have posted lands all the same. */
export function stopEngines(step: Step, device: number, reason: 'reset' | 'stalled' | 'removed'): void {
  for (const actor of enginesOf(step.world, device)) step.emit({ kind: 'actor.exit', actor, reason });
}
