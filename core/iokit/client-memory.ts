/** Memory of a user client in the app: `IOConnectMapMemory64` and `IOConnectUnmapMemory64` in the kernel (facts §6). */
import { kIOReturnBadArgument, kIOReturnSuccess } from '../codes.ts';
import { act, now, refuse, type Act, type Program } from '../operation.ts';
import type { Client, ClientMemory } from './call.ts';
import { createMapping } from './descriptor.ts';
import { fittingMapping, plain, type Mapped } from './mappings.ts';
import { rpc } from './queue.ts';
import { release } from './release.ts';
import { lockForWrite, unlockForWrite } from './lock.ts';

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

/** The app cannot ask for read-only: the kernel takes other options from it (UC mapClientMemory64, `kIOMapUserOptionsMask`). */
const isReadOnly = ({ options = 0 }: ClientMemory): boolean => (options & kIOUserClientMemoryReadOnly) !== 0;

/**
 * Maps the dext's memory of a type into a process, at `address` or anywhere. The dext's reference is used up. Whatever
 * fails, the dext's own code included, is `kIOReturnBadArgument`.
 */
export function* mapClientMemory(
  connection: number,
  type: number,
  task: number,
  address: number | undefined,
): Program<[code: number, mapped: Mapped | undefined]> {
  const call = 'IOConnectMapMemory64';
  const given = yield* ask(connection, type, call);
  let mapped: Mapped | undefined;
  if (given !== undefined) {
    const request = { ...plain, offset: 0, length: 0, readOnly: isReadOnly(given), address };
    [, mapped] = yield* createMapping(given.memory, task, request);
    if (mapped !== undefined && !(yield* keep(connection, type, task, mapped.mapping))) yield* release(mapped.mapping);
    yield* release(given.memory);
  }
  yield* unlockForWrite(connection, call);
  return mapped === undefined ? [yield* refuse(call, kIOReturnBadArgument), undefined] : [kIOReturnSuccess, mapped];
}

/**
 * Says who keeps a mapping (UC:4702-4727): in its own process the connection, once; in another one that process, by a
 * port right for each call, unless it has lost its ports. Evaluates to whether the reference is theirs now.
 */
function keep(connection: number, type: number, task: number, mapping: number): Act<boolean> {
  const call = 'IOConnectMapMemory64';
  return act(call, 'kernel', (step) => {
    const { task: own, mappings } = step.world.connections.get(connection)!;
    const { state } = step.world.tasks.get(task)!;
    const kept = task === own ? !mappings.includes(mapping) : state === 'alive' || state === 'dying';
    if (!kept) step.emit({ kind: 'refuse', code: kIOReturnSuccess, call });
    else if (task === own) step.emit({ kind: 'connection.map', connection, type, mapping });
    else step.emit({ kind: 'mapping.keep', connection, type, task, mapping });
    return kept;
  });
}

/**
 * Asks the dext again, and takes away what is mapped of the same descriptor in the same way, wherever that is; else
 * `kIOReturnBadArgument` (UC:4786-4840).
 */
export function* unmapClientMemory(connection: number, type: number, task: number): Program<number> {
  const call = 'IOConnectUnmapMemory64';
  const given = yield* ask(connection, type, call);
  let mapping: number | undefined;
  if (given !== undefined) {
    mapping = yield* now((step) => {
      const { length } = step.world.descriptors.get(given.memory)!;
      const request = { ...plain, offset: 0, length, readOnly: isReadOnly(given) };
      const found = fittingMapping(step, given.memory, task, request)?.mapping;
      return found?.length === length ? found.id : undefined;
    });
    yield* release(given.memory);
  }
  if (mapping !== undefined) {
    const own = yield* now(({ world }) => world.connections.get(connection)!.task === task);
    yield* own ? letGo(connection, mapping) : letTaskGo(task, mapping);
  }
  yield* unlockForWrite(connection, call);
  return mapping === undefined ? yield* refuse(call, kIOReturnBadArgument) : kIOReturnSuccess;
}

/** The connection lets a mapping go, if it has it. */
function* letGo(connection: number, mapping: number): Program {
  const had = yield* act('unmap', 'kernel', (step) => {
    step.look('connection', connection);
    const there = step.world.connections.get(connection)!.mappings.includes(mapping);
    if (there) step.emit({ kind: 'connection.unmap', connection, mapping });
    else step.emit({ kind: 'refuse', code: kIOReturnSuccess, call: 'unmap' });
    return there;
  });
  if (had) yield* release(mapping);
}

/** A process lets a mapping go that was made in it from outside, if it has it. */
function* letTaskGo(task: number, mapping: number): Program {
  const had = yield* act('unmap', 'kernel', (step) => {
    const there = step.world.tasks.get(task)!.mappings.includes(mapping);
    if (there) step.emit({ kind: 'mapping.drop', task, mapping });
    else step.emit({ kind: 'refuse', code: kIOReturnSuccess, call: 'unmap' });
    return there;
  });
  if (had) yield* release(mapping);
}

/** The end of a user client: its mappings in the app go. */
export function* dropClientMemory(service: number): Program {
  const all = yield* now((step) => {
    const found = [...step.world.connections.values()].filter((one) => one.service === service);
    for (const { id } of found) step.look('connection', id);
    return found;
  });
  for (const { id, mappings } of all) for (const mapping of [...mappings]) yield* letGo(id, mapping);
}

/** The end of a process's ports: what others have mapped in it goes. */
export function* dropTaskMemory(task: number): Program {
  const mappings = yield* now(({ world }) => [...world.tasks.get(task)!.mappings]);
  for (const mapping of mappings) yield* letTaskGo(task, mapping);
}
