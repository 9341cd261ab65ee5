/** Reference counts (facts §3.5). */
import { act, Crash, type Act, type Program, type Step } from '../operation.ts';

/** @throws {Crash} when the object is gone: in C++, a use after free */
export function mustLive(step: Step, object: number, what: string): void {
  step.look('object', object);
  if ((step.world.references.get(object) ?? 0) === 0) {
    throw new Crash(
      `EXC_BAD_ACCESS: use of ${what} #${object} after its last release; keep it with retain()`,
      'use-after-release',
    );
  }
}

/** Adds a reference. */
export function retain(object: number, what: string): Act<void> {
  return act('retain', 'cpu', (step) => {
    mustLive(step, object, what);
    step.emit({ kind: 'object.retain', object });
  });
}

/** Takes a reference back; evaluates to whether it was the last. */
export function* drop(object: number, what = 'object'): Program<boolean> {
  return yield* act('release', 'cpu', (step) => {
    mustLive(step, object, what);
    step.emit({ kind: 'object.release', object });
    return step.world.references.get(object) === 0;
  });
}
