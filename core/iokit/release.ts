/** Reference counts, and what the last release of each kind of object does (facts §3.5, §4.4, §5.1). */
import { unmap } from '../memory/space.ts';
import { act, Crash, now, type Act, type Program, type Step } from '../operation.ts';
import { alignDown, alignUp } from '../units.ts';
import { completeDMA } from './command.ts';
import { reapParts } from './descriptor.ts';
import { complete } from './wire.ts';

/** @throws {Crash} when the object is gone: in C++, a use after free */
export function mustLive(step: Step, object: number, what: string): void {
  if (!step.world.references.has(object)) {
    throw new Crash(`EXC_BAD_ACCESS: use of ${what} #${object} after its last release; keep it with retain()`);
  }
}

/** Adds a reference. */
export function retain(object: number, what: string): Act<void> {
  return act('retain', 'cpu', (step) => {
    mustLive(step, object, what);
    step.emit({ kind: 'object.retain', object });
  });
}

/** Takes a reference back; the last one frees the object and what only it kept. */
export function* release(object: number, what = 'object'): Program {
  const last = yield* act('release', 'cpu', (step) => {
    mustLive(step, object, what);
    step.emit({ kind: 'object.release', object });
    return step.world.references.get(object) === 0;
  });
  if (last) yield* free(object);
}

function* free(object: number): Program {
  const { mapping, command, descriptor } = yield* now(({ world }) => ({
    mapping: world.mappings.get(object),
    command: world.commands.get(object),
    descriptor: world.descriptors.get(object),
  }));
  // A command freed while prepared is completed first (facts §4.4), whatever the device does.
  if (command?.prepared === true) yield* completeDMA(object);
  for (let wires = descriptor?.wireCount ?? 0; wires > 0; wires -= 1) yield* complete(object);
  yield* act('free', 'kernel', (step) => {
    const parts = descriptor?.parts ?? [];
    if (mapping !== undefined) {
      const { pageSize } = step.world.machine;
      const start = alignDown(mapping.address, pageSize);
      unmap(step, mapping.task, start, alignUp(mapping.address + mapping.length, pageSize) - start);
    }
    step.emit({ kind: 'object.free', object });
    reapParts(step, parts);
    step.live.delete(object);
  });
  if (mapping !== undefined) yield* release(mapping.descriptor);
}
