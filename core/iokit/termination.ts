/** How user clients and services end while their dext lives (facts §1.4, §3.6, §7.3). */
import { act, now, type Program, type Step } from '../operation.ts';
import type { World } from '../world.ts';
import { dropClientMemory } from './client-memory.ts';
import { lockForWrite } from './lock.ts';
import { rpc } from './queue.ts';

/** What the kernel can ask a service of: part of the live registry's entry of a service. */
export interface Stoppable {
  /** The queue that Stop runs on. */
  readonly stopQueue: number;
  /** Runs the dext's Stop. */
  beStopped(): Program<number>;
}

/** What closing and client death share: waits for calls in flight, then lets the termination run by itself. */
export function* clientClose(connection: number): Program {
  yield* lockForWrite(connection, 'IOServiceClose');
  yield* act('IOServiceClose', 'kernel', (step) => {
    const { state, service } = step.world.connections.get(connection)!;
    if (state === 'open') step.emit({ kind: 'connection.state', connection, state: 'closing' });
    step.emit({ kind: 'connection.unlock', connection, mode: 'write' });
    if (state === 'open') startTermination(step, service);
  });
}

/** Has a service terminated on a thread of the kernel. */
export function startTermination(step: Step, service: number): void {
  step.spawn({ name: `kernel:terminate-${service}`, role: 'kernel', task: 0, program: terminate(service) });
}

/** {@link clientsOf}, as what the step looks at. */
function lookAtClients(step: Step, service: number): number[] {
  step.look('service', service);
  for (const { id, provider } of step.world.services.values()) if (provider === service) step.look('service', id);
  return clientsOf(step.world, service);
}

/** Services that were started on this one and have not ended. */
function clientsOf(world: World, service: number): number[] {
  return [...world.services.values()]
    .filter(({ provider, state }) => provider === service && state !== 'terminated')
    .map(({ id }) => id);
}

/**
 * Ends a service: first its clients, then its own Stop in the dext. It goes on when the dext has called
 * super::Stop, and closes what the service still holds open (facts §3.6, §7.3).
 */
export function* terminate(service: number): Program {
  for (const client of yield* now((step) => lookAtClients(step, service))) {
    const open = yield* now((step) => {
      const found = [...step.world.connections.values()].find((connection) => connection.service === client);
      if (found !== undefined) step.look('connection', found.id);
      return found;
    });
    if (open === undefined) yield* now((step) => startTermination(step, client));
    else if (open.state === 'open') yield* clientClose(open.id);
  }
  const mine = yield* act(
    'terminate',
    'kernel',
    (step) => {
      const { state } = step.world.services.get(service)!;
      step.emit({ kind: 'service.state', service, state: state === 'active' ? 'stopping' : state });
      return state === 'active';
    },
    {
      on: ['service', service],
      ready: (world) => clientsOf(world, service).length === 0,
      waitsFor: (world) =>
        `the end of its clients ${clientsOf(world, service)
          .map((id) => `#${id}`)
          .join(', ')}`,
    },
  );
  if (!mine) return;
  const stoppable = yield* now((step) => step.live.get(service) as Stoppable);
  yield* rpc(stoppable.stopQueue, 'Stop', () => stoppable.beStopped());
  yield* act('terminate', 'kernel', (step) => finalize(step, service), {
    on: ['service', service],
    ready: (world) => {
      const { state, task } = world.services.get(service)!;
      return state === 'stopped' || state === 'terminated' || world.tasks.get(task)!.state !== 'alive';
    },
    waitsFor: (world) => `super::Stop of service #${service} "${world.services.get(service)!.name}"`,
  });
  yield* dropClientMemory(service);
}

/** The end of a service, whether the dext has stopped it or died: what it has left open is closed (facts §3.6 (4), §7.3). */
export function finalize(step: Step, service: number): void {
  const { name, state, task } = step.world.services.get(service)!;
  for (const { id, openedBy } of step.world.devices.values()) {
    if (openedBy !== service) continue;
    // Nobody has quiesced the device; a Mac closes it when it gets round to it (facts §13, US:4029-4060).
    if (state === 'stopping' && step.world.tasks.get(task)!.state !== 'alive')
      step.emit({ kind: 'unspecified', what: `when the device of "${name}" is closed, whose dext died in its Stop` });
    step.emit({ kind: 'pci.close', device: id, service });
  }
  for (const { id, service: client, state: at } of step.world.connections.values())
    if (client === service && at !== 'stopped')
      step.emit({ kind: 'connection.state', connection: id, state: 'stopped' });
  step.emit({ kind: 'service.state', service, state: 'terminated' });
}
