/** Memory of a user client in the app: `IOConnectMapMemory64` and `IOConnectUnmapMemory64` in the kernel (facts §6). */
import { kIOReturnBadArgument, kIOReturnSuccess } from '../codes.ts';
import { act, now, refuse, type Program } from '../operation.ts';
import type { Client, ClientMemory } from './call.ts';
import { createMapping, type Mapped } from './descriptor.ts';
import { rpc } from './queue.ts';
import { release } from './release.ts';
import { lockForWrite } from './lock.ts';

/** In the options of `CopyClientMemoryForType`: the app may only read (IOUserClient.iig). */
export const kIOUserClientMemoryReadOnly = 1;

/** Asks the dext for its memory of a type, with the lock held; evaluates to it, or to nothing when it fails. */
function* ask(connection: number, type: number, call: string): Program<ClientMemory | undefined> {
  yield* lockForWrite(connection, call);
  const client = yield* now(({ live }) => live.get(connection) as Client);
  let given: ClientMemory | undefined;
  const code = yield* rpc(client.memoryQueue, 'CopyClientMemoryForType', () =>
    client.copyClientMemory(type, (memory) => {
      given = memory;
    }),
  );
  const memory = code === kIOReturnSuccess && given?.memory !== 0 ? given : undefined;
  if (memory !== undefined) yield* now((step) => step.emit({ kind: 'object.take', object: memory.memory }));
  // The kernel does not set the options before it asks (facts §6).
  if (memory !== undefined && memory.options === undefined) {
    const what = `CopyClientMemoryForType of connection #${connection} leaves its options unset; taken as 0`;
    yield* now((step) => step.emit({ kind: 'unspecified', what }));
  }
  return memory;
}

function* unlock(connection: number, call: string): Program {
  yield* act(call, 'kernel', (step) => step.emit({ kind: 'connection.unlock', connection, mode: 'write' }));
}

/**
 * Maps the dext's memory of a type into the caller's process. The dext's reference is used up. Whatever fails, the
 * dext's own code included, is `kIOReturnBadArgument`.
 */
export function* mapClientMemory(
  connection: number,
  type: number,
  readOnly: boolean,
  address: number | undefined,
): Program<[code: number, mapped: Mapped | undefined]> {
  const call = 'IOConnectMapMemory64';
  const given = yield* ask(connection, type, call);
  let mapped: Mapped | undefined;
  if (given !== undefined) {
    const task = yield* now(({ world, actor }) => world.actors.get(actor)!.task);
    const forced = ((given.options ?? 0) & kIOUserClientMemoryReadOnly) !== 0;
    const request = { offset: 0, length: 0, readOnly: readOnly || forced, address };
    [, mapped] = yield* createMapping(given.memory, task, request);
    if (mapped !== undefined) {
      const { mapping } = mapped;
      yield* act(call, 'kernel', (step) => step.emit({ kind: 'connection.map', connection, type, mapping }));
    }
    yield* release(given.memory);
  }
  yield* unlock(connection, call);
  return mapped === undefined ? [yield* refuse(call, kIOReturnBadArgument), undefined] : [kIOReturnSuccess, mapped];
}

/** Asks the dext again, and unmaps if it is the same descriptor, mapped at this address; else `kIOReturnBadArgument`. */
export function* unmapClientMemory(connection: number, type: number, address: number): Program<number> {
  const call = 'IOConnectUnmapMemory64';
  const given = yield* ask(connection, type, call);
  yield* unlock(connection, call);
  if (given === undefined) return yield* refuse(call, kIOReturnBadArgument);
  const found = yield* now(({ world }) =>
    world.connections.get(connection)!.mappings.find((id) => {
      const mapping = world.mappings.get(id)!;
      return mapping.descriptor === given.memory && mapping.address === address;
    }),
  );
  yield* release(given.memory);
  if (found === undefined) return yield* refuse(call, kIOReturnBadArgument);
  yield* letGo(connection, found);
  return kIOReturnSuccess;
}

/** Takes a mapping away from the app, unless somebody was faster. */
function* letGo(connection: number, mapping: number): Program {
  const mine = yield* act('unmap', 'kernel', (step) => {
    const there = step.world.connections.get(connection)!.mappings.includes(mapping);
    if (there) step.emit({ kind: 'connection.unmap', connection, mapping });
    else step.emit({ kind: 'refuse', code: kIOReturnBadArgument, call: 'unmap' });
    return there;
  });
  if (mine) yield* release(mapping);
}

/** The end of a user client: its mappings in the app go. */
export function* dropClientMemory(service: number): Program {
  const all = yield* now(({ world }) => [...world.connections.values()].filter((one) => one.service === service));
  for (const { id, mappings } of all) for (const mapping of [...mappings]) yield* letGo(id, mapping);
}
