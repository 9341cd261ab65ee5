import type { IOUserClient } from '../driverkit/IOUserClient.ts';
import { now, type Operation } from '../operation.ts';

/** The process that has opened the user client: what `initWithTask` is given. */
export function owningTask(client: IOUserClient): Operation<number> {
  return now(({ world }) => world.connections.get(client.connection)!.task);
}
