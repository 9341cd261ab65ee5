/** What the last release of each kind of object does (facts §3.5, §4.4, §5.1). */
import { unmap } from '../memory/space.ts';
import { act, inKernel, now, type Act, type Operation, type Program } from '../operation.ts';
import { alignDown, alignUp } from '../units.ts';
import { completeDMA } from './command.ts';
import { drop, mustLive } from './references.ts';
import { stopTimer } from './source.ts';
import type { Mapping } from './state.ts';
import { commandOf } from './window.ts';
import { releaseDescriptor } from './wire.ts';

/** Takes a reference back; the last one frees the object and what only it kept. */
export function* release(object: number, what = 'object'): Program {
  const { isDescriptor, mapping, handler, completes } = yield* now((step) => {
    const { world } = step;
    if (world.sources.has(object)) step.look('source', object);
    return {
      isDescriptor: world.descriptors.has(object),
      mapping: world.mappings.get(object),
      handler: world.sources.get(object)?.action ?? 0,
      // A command freed while prepared is completed first (facts §4.4), whatever the device does; before 13.3 all of it leaks (§4.5).
      completes: world.machine.era !== 'before-13.3' && world.commands.has(object),
    };
  });
  if (isDescriptor) {
    yield* releaseDescriptor(object, what);
  } else if (yield* drop(object, what)) {
    if (completes && (yield* now((step) => commandOf(step, object).prepared))) yield* completeDMA(object);
    yield* free(object, mapping);
    if (mapping !== undefined) yield* releaseDescriptor(mapping.descriptor);
    if (mapping !== undefined && mapping.within !== 0) yield* release(mapping.within);
    if (handler !== 0) yield* release(handler);
  }
}

/** An object that a call into the kernel is given, and what people call it. */
export interface Given {
  readonly id: number;
  readonly what: string;
}

/**
 * A call into the kernel keeps the objects that it is given until it returns, as the ports in its message do:
 * another thread's last release frees them only then.
 * @throws {Crash} when one of them is gone already
 */
export function* holding<R>(given: readonly Given[], program: Program<R> | Operation<R>): Program<R> {
  yield* now((step) => {
    for (const { id, what } of given) mustLive(step, id, what);
  });
  return yield* inKernel(held(given, program));
}

function* held<R>(given: readonly Given[], program: Program<R> | Operation<R>): Program<R> {
  yield* now((step) => {
    for (const { id } of given) step.emit({ kind: 'object.retain', object: id });
  });
  const result = yield* program;
  const last = yield* now((step) =>
    given.filter(({ id }) => {
      step.look('object', id);
      if (step.world.references.get(id) === 1) return true;
      step.emit({ kind: 'object.release', object: id });
      return false;
    }),
  );
  for (const { id, what } of last) yield* release(id, what);
  return result;
}

function free(object: number, mapping: Mapping | undefined): Act<void> {
  return act('free', 'kernel', (step) => {
    if (mapping?.within === 0) {
      const { pageSize } = step.world.machine;
      const start = alignDown(mapping.address, pageSize);
      unmap(step, mapping.task, start, alignUp(mapping.address + mapping.length, pageSize) - start);
    }
    stopTimer(step, object);
    if (step.world.actions.has(object)) step.emit({ kind: 'action.abort', action: object });
    step.emit({ kind: 'object.free', object });
    step.live.delete(object);
  });
}
