import type { World } from '../../../core/world.ts';
import { leavesOf } from './leaves.ts';
import type { Watch } from '../../rule.ts';
import { Calls } from './calls.ts';
import { together } from './together.ts';

/** Remembers whose memory a descriptor describes, and which clients are past Stop. */
export class Clients {
  private readonly calls = new Calls();
  /** By connection: the event at which it was stopped. */
  private readonly stopped = new Map<number, number>();

  readonly on: Watch['on'] = together(this.calls.on, {
    'connection.state': ({ connection, state }, { seq }) => {
      if (state === 'stopped') this.stopped.set(connection, seq);
    },
  });

  /** Whether the descriptor was made for the connection: in a call of it, or else over memory of its app. */
  owns(connection: number, descriptor: number, world: World): boolean {
    const call = this.calls.ofMemory(descriptor, world);
    if (call !== undefined) return call.connection === connection;
    const { task } = world.connections.get(connection)!;
    return leavesOf(world, descriptor).some((leaf) => world.descriptors.get(leaf)!.task === task);
  }

  /** The event at which the last client that the descriptor can belong to was stopped; nothing while one is not. */
  stoppedAt(descriptor: number, world: World): number | undefined {
    let last: number | undefined;
    for (const { id } of world.connections.values()) {
      if (!this.owns(id, descriptor, world)) continue;
      const at = this.stopped.get(id);
      if (at === undefined) return undefined;
      last = Math.max(last ?? 0, at);
    }
    return last;
  }
}
