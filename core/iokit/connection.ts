import { kIOReturnBadArgument, kIOReturnSuccess, MACH_SEND_INVALID_DEST } from '../codes.ts';
import type { Step } from '../operation.ts';

/**
 * Why the caller cannot use a connection; success when it can. A service is no user client: `kIOReturnBadArgument`
 * (facts §1.3). One that is closed, or another process's, whose ports are not inherited: `MACH_SEND_INVALID_DEST`.
 */
export function refusalOf(step: Step, connection: number): number {
  const { world, actor } = step;
  step.look('connection', connection);
  if (world.services.has(connection)) return kIOReturnBadArgument;
  const held = world.connections.get(connection);
  const usable = held?.state === 'open' && held.task === world.actors.get(actor)!.task;
  return usable ? kIOReturnSuccess : MACH_SEND_INVALID_DEST;
}
