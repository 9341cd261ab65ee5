import type { Step } from '../operation.ts';
import type { World } from '../world.ts';

/** Something that goes wrong once, whenever the scheduler picks it. */
export interface Fault {
  /** What happens, in one sentence. */
  readonly doc: string;
  /** The return code of the call that it makes fail: the next one that asks for the fault with `injected`. */
  readonly code?: number;
  /** Whether there is something to strike. */
  ready?(world: World): boolean;
  /** What it does. */
  strike?(step: Step): void;
}
