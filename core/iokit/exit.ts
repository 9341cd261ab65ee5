/** What the kernel does when a process ends (facts §3.6, §4.4, §9). */
import type { Nub } from '../devices/device.ts';
import { unmap } from '../memory/space.ts';
import { act, now, type Program, type Step } from '../operation.ts';
import { recoverDevice } from '../pcie/recovery.ts';
import type { World } from '../world.ts';
import { dropClientMemory, dropTaskMemory } from './client-memory.ts';
import { release } from './release.ts';
import { clientClose, finalize } from './termination.ts';

/**
 * Takes a process apart. For a dext the device is quiesced before its objects go since macOS 14.2, and
 * after them before (facts §4.4). Wired memory stays for whoever holds the wire (facts §9).
 */
export function* exitProcedure(task: number): Program {
  const quiesceFirst = yield* now(({ world }) => world.machine.era === '14.2');
  if (quiesceFirst) yield* clientsCrashed(task);
  yield* act('ipc_space_terminate', 'kernel', (step) => step.emit({ kind: 'task.disconnect', task }));
  yield* act('last thread', 'kernel', (step) => step.emit({ kind: 'task.stopped', task }), {
    on: ['task', task],
    ready: (world) => threadsOf(world, task).length === 0,
    waitsFor: (world) => `${threadsOf(world, task).join(', ')} to leave the kernel`,
    heldBy: (world) =>
      [...world.actors.values()].filter(({ task: of, alive }) => of === task && alive).map(({ id }) => id),
  });
  yield* clientsDied(task);
  yield* dropReferences(task);
  yield* dropTaskMemory(task);
  if (!quiesceFirst) yield* clientsCrashed(task);
  yield* servicesGone(task);
  yield* act('task end', 'kernel', (step) => {
    const { entries } = step.world.tasks.get(task)!;
    const lowest = entries[0]?.start ?? 0;
    const end = entries.at(-1)?.end ?? lowest;
    if (end > lowest) unmap(step, task, lowest, end - lowest);
    step.emit({ kind: 'task.exit', task });
  });
}

/** Names of the process's living threads. */
function threadsOf(world: World, task: number): string[] {
  return [...world.actors.values()].filter((actor) => actor.task === task && actor.alive).map(({ name }) => name);
}

/** The process's own connections lose their last send right: each goes by itself, on IOKit's thread (facts §3.6). */
function* clientsDied(task: number): Program {
  yield* now((step) => {
    for (const { id, task: owner, state } of step.world.connections.values()) {
      if (owner !== task) continue;
      step.look('connection', id);
      if (state !== 'open') continue;
      step.spawn({ name: `kernel:client-died-${id}`, role: 'kernel', task: 0, program: clientClose(id) });
    }
  });
}

/** ClientCrashed, on the devices that services which were not stopping hold open (facts §4.4, §7.3). */
function* clientsCrashed(task: number): Program {
  const devices = yield* now(({ world }) =>
    [...world.devices.values()]
      .filter(({ openedBy }) => {
        const service = world.services.get(openedBy);
        return service?.task === task && service.state === 'active';
      })
      .map(({ id }) => id),
  );
  for (const device of devices) yield* recoverDevice(device);
}

/** References to an object that a dext holds: all but those of commands, mappings, sources, other descriptors, and calls in flight. */
function heldByDext(world: World, task: number, object: number): number {
  const mapping = world.mappings.get(object);
  if (mapping !== undefined && mapping.task !== task) return 0;
  let held = (world.references.get(object) ?? 0) - (world.descriptors.get(object)?.leaked ?? 0);
  for (const { children } of world.descriptors.values()) held -= children.filter((child) => child === object).length;
  for (const { descriptor } of world.commands.values()) if (descriptor === object) held -= 1;
  for (const { descriptor, within } of world.mappings.values())
    if (descriptor === object || within === object) held -= 1;
  for (const { action } of world.sources.values()) if (action === object) held -= 1;
  for (const { holds } of world.actors.values()) held -= holds.filter((other) => other === object).length;
  return held;
}

/** A dext's object ports go: what it alone kept is freed, in the order in which it was made. */
function* dropReferences(task: number): Program {
  const objects = yield* now(({ world }) =>
    [...world.services.values()].some((service) => service.task === task) ? [...world.references.keys()] : [],
  );
  for (const object of objects) {
    while (yield* now(({ world }) => heldByDext(world, task, object) > 0)) yield* release(object);
  }
}

/** The process's services end without a Stop; what they still hold open is closed (facts §4.4, §13). */
function* servicesGone(task: number): Program {
  const services = yield* now(({ world }) =>
    [...world.services.values()]
      .filter((service) => service.task === task && service.state !== 'terminated')
      .map(({ id }) => id),
  );
  for (const service of services) {
    const nub = yield* act('finalize', 'kernel', (step) => {
      const unmatched = nubToMatch(step, service);
      finalize(step, service);
      return unmatched;
    });
    yield* dropClientMemory(service);
    if (nub !== undefined) yield* act('match', 'kernel', (step) => nub.match(step));
  }
}

/**
 * The device that needs a new driver when this one is gone: its dext has crashed, after a Start that succeeded and
 * before its Stop (facts §7.3; xnu IOUserServer.cpp finalize, IOService.cpp:3980-3995).
 */
function nubToMatch({ world, live }: Step, id: number): Nub | undefined {
  const { task, provider, state } = world.services.get(id)!;
  if (state !== 'active' || world.tasks.get(task)!.death !== 'crash') return undefined;
  if (world.devices.get(provider)?.present !== true) return undefined;
  const nub = live.get(provider) as Nub;
  return nub.started ? nub : undefined;
}
