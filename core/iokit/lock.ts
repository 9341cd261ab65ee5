/** The lock of a user client (facts §1.4). */
import { actorName } from '../actors/threads.ts';
import { act, type Act, type Program } from '../operation.ts';
import type { World } from '../world.ts';

/** External methods that are inside the user client's lock. */
function readersOf(world: World, connection: number): string {
  const { readers } = world.connections.get(connection)!;
  return `${readers} external methods in flight`;
}

/**
 * Takes the user client's lock for writing: waits for the external methods in flight, and holds up later ones
 * (facts §1.4).
 */
export function* lockForWrite(connection: number, call: string): Program {
  yield* act(call, 'syscall', (step) => step.emit({ kind: 'connection.wait', connection }));
  yield* act(call, 'syscall', (step) => step.emit({ kind: 'connection.lock', connection, mode: 'write' }), {
    on: ['connection', connection],
    ready: (world) => {
      const { readers, writer } = world.connections.get(connection)!;
      return readers === 0 && writer === 0;
    },
    waitsFor: (world) => {
      const { writer } = world.connections.get(connection)!;
      const holder = writer === 0 ? readersOf(world, connection) : actorName(world, writer);
      return `the lock of connection #${connection}, held by ${holder}`;
    },
    heldBy: (world) => holdersOf(world, connection),
  });
}

/** Gives it back. */
export function* unlockForWrite(connection: number, call: string): Program {
  yield* act(call, 'kernel', (step) => step.emit({ kind: 'connection.unlock', connection, mode: 'write' }));
}

/** Who holds the lock: a writer, or the threads whose external methods are in flight. */
function holdersOf(world: World, connection: number): number[] {
  const { writer, readers } = world.connections.get(connection)!;
  if (writer !== 0) return [writer];
  const calls = readers === 0 ? [] : [...world.calls.values()];
  return calls.filter((call) => call.connection === connection).map(({ actor }) => actor);
}

/** Takes the user client's lock for an external method: many may hold it, but not while a writer has it or waits. */
export function lockForRead(connection: number): Act<void> {
  return act('lock user client', 'kernel', (step) => step.emit({ kind: 'connection.lock', connection, mode: 'read' }), {
    on: ['connection', connection],
    ready: (world) => {
      const { writer, writersWaiting } = world.connections.get(connection)!;
      return writer === 0 && writersWaiting === 0;
    },
    waitsFor: (world) => {
      const { writer } = world.connections.get(connection)!;
      const holder =
        writer === 0 ? `a writer that waits for ${readersOf(world, connection)}` : actorName(world, writer);
      return `the lock of connection #${connection}, held by ${holder}`;
    },
    heldBy: (world) => holdersOf(world, connection),
  });
}
