import type { Transitions } from '../catalogue.ts';
import { machineOf } from '../machine.ts';
import type { actorKinds } from './kinds.ts';

export const actorTransitions: Transitions<typeof actorKinds> = {
  'machine.start': (world, e) => {
    world.machine = machineOf(e.options);
  },
  'actor.create': (world, e) => {
    const { actor: id, name, role, task, device, daemon } = e;
    world.actors.set(id, { id, name, role, task, device, daemon, alive: true, holds: [] });
  },
  'actor.start': () => {},
  'actor.exit': (world, e) => {
    world.actors.get(e.actor)!.alive = false;
  },
  'thread.join': () => {},
  'thread.sleep': () => {},
  'thread.wake': () => {},
  'mutex.create': (world, e) => {
    world.mutexes.set(e.mutex, { id: e.mutex, owner: 0 });
    world.nextId = e.mutex + 1;
  },
  'mutex.lock': (world, e, actor) => {
    world.mutexes.get(e.mutex)!.owner = actor;
  },
  'mutex.unlock': (world, e) => {
    world.mutexes.get(e.mutex)!.owner = 0;
  },
  refuse: () => {},
  unspecified: () => {},
  note: () => {},
};
