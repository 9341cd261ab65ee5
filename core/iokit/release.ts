/** What the last release of each kind of object does (facts §3.5, §4.4, §5.1). */
import { unmap } from '../memory/space.ts';
import { act, now, type Act, type Program } from '../operation.ts';
import { alignDown, alignUp } from '../units.ts';
import { completeDMA } from './command.ts';
import { drop } from './references.ts';
import type { Mapping } from './state.ts';
import { releaseDescriptor } from './wire.ts';

/** Takes a reference back; the last one frees the object and what only it kept. */
export function* release(object: number, what = 'object'): Program {
  const { isDescriptor, mapping, completes } = yield* now(({ world }) => ({
    isDescriptor: world.descriptors.has(object),
    mapping: world.mappings.get(object),
    // A command freed while prepared is completed first (facts §4.4), whatever the device does; before 13.3 all of it leaks (§4.5).
    completes: world.machine.era !== 'before-13.3' && world.commands.has(object),
  }));
  if (isDescriptor) {
    yield* releaseDescriptor(object, what);
  } else if (yield* drop(object, what)) {
    if (completes && (yield* now(({ world }) => world.commands.get(object)!.prepared))) yield* completeDMA(object);
    yield* free(object, mapping);
    if (mapping !== undefined) yield* releaseDescriptor(mapping.descriptor);
  }
}

function free(object: number, mapping: Mapping | undefined): Act<void> {
  return act('free', 'kernel', (step) => {
    if (mapping !== undefined) {
      const { pageSize } = step.world.machine;
      const start = alignDown(mapping.address, pageSize);
      unmap(step, mapping.task, start, alignUp(mapping.address + mapping.length, pageSize) - start);
    }
    step.emit({ kind: 'object.free', object });
    step.live.delete(object);
  });
}
