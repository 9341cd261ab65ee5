import type { World } from '../../../core/world.ts';
import type { Watch } from '../../rule.ts';
import { leavesOf } from './leaves.ts';

/** A call of the app, as far as rules ask about it. */
export interface KnownCall {
  readonly call: number;
  readonly connection: number;
  /** The thread that makes it. */
  readonly actor: number;
  readonly asynchronous: boolean;
  /** Room for a struct output, in bytes. */
  readonly outputSize: number;
  /** Its memory descriptors. */
  readonly descriptors: number[];
  /** Its OSAction; 0 for none. */
  action: number;
  /** The event at which it returned; -1 while it is under way. */
  returned: number;
  /** What it returned. */
  code: number;
}

/** Remembers which call an action or a descriptor belongs to. */
export class Calls {
  private readonly newest = new Map<number, KnownCall>();
  private readonly owners = new Map<number, KnownCall>();

  readonly on: Watch['on'] = {
    'call.begin': ({ call, connection, asynchronous, outputSize }, { actor }) => {
      this.newest.set(actor, {
        call,
        connection,
        actor,
        asynchronous,
        outputSize,
        descriptors: [],
        action: 0,
        returned: -1,
        code: 0,
      });
    },
    'action.create': ({ action }, { actor }) => {
      const call = this.underWay(actor);
      if (call === undefined) return;
      call.action = action;
      this.owners.set(action, call);
    },
    'descriptor.create': ({ descriptor }, { actor }) => {
      const call = this.underWay(actor);
      if (call === undefined) return;
      call.descriptors.push(descriptor);
      this.owners.set(descriptor, call);
    },
    'call.return': ({ code }, { actor, seq }) => {
      const call = this.underWay(actor);
      if (call === undefined) return;
      call.returned = seq;
      call.code = code;
    },
  };

  /** The call that the thread is in. */
  underWay(actor: number): KnownCall | undefined {
    const call = this.newest.get(actor);
    return call?.returned === -1 ? call : undefined;
  }

  /** The last call that the thread has made. */
  latest(actor: number): KnownCall | undefined {
    return this.newest.get(actor);
  }

  /** The call that the action or the descriptor was made for. */
  of(object: number): KnownCall | undefined {
    return this.owners.get(object);
  }

  /** The call whose argument the memory is, or stands on. */
  ofMemory(descriptor: number, world: World): KnownCall | undefined {
    for (const leaf of leavesOf(world, descriptor)) {
      const call = this.owners.get(leaf);
      if (call !== undefined) return call;
    }
    return undefined;
  }

  /** All calls that had a completion to come. */
  *asynchronous(): Iterable<KnownCall> {
    for (const [object, call] of this.owners) if (object === call.action) yield call;
  }
}
