import type { Role } from '../operation.ts';

/** What can move by itself. */
export interface Actor {
  readonly id: number;
  /** For people: `app:main`, `dext:Default`, `device:dma0`. */
  readonly name: string;
  readonly role: Role;
  /** The address space of its loads and stores; 0 for none. */
  readonly task: number;
  /** The device that it is an engine of; 0 for none. */
  readonly device: number;
  readonly daemon: boolean;
  alive: boolean;
  /** Objects that the kernel keeps for a call of this thread of the app: descriptors, an action (facts §1.3). */
  readonly holds: number[];
}

/** A `pthread_mutex_t`. */
export interface Mutex {
  readonly id: number;
  /** The actor that holds it; 0 for nobody. */
  owner: number;
}
