/** IOKitLib, as the app calls it (facts §1.1, §3.4, §3.6). */
import {
  kIOReturnBadArgument,
  kIOReturnError,
  kIOReturnNotPermitted,
  kIOReturnNotPrivileged,
  kIOReturnSuccess,
  kIOReturnUnsupported,
  MACH_SEND_INVALID_DEST,
} from '../codes.ts';
import { kIOServiceDefaultQueueName, type IOService } from '../driverkit/IOService.ts';
import { kIOUserClientQueueNameExternalMethod, type IOUserClient } from '../driverkit/IOUserClient.ts';
import { call, type CallResult, type Client } from '../iokit/call.ts';
import { mapClientMemory, unmapClientMemory } from '../iokit/client-memory.ts';
import { refusalOf } from '../iokit/connection.ts';
import { createPort, receive } from '../iokit/port.ts';
import { rpc } from '../iokit/queue.ts';
import { lockForWrite, unlockForWrite } from '../iokit/lock.ts';
import { clientClose, startTermination } from '../iokit/termination.ts';
import type { Message, Service } from '../iokit/state.ts';
import { wordOf } from '../memory/atomics.ts';
import { act, asProgram, inKernel, now, refuse, type Act, type Operation, type Program } from '../operation.ts';

/** A completion, taken from a port (facts §3.4). */
export interface Completion {
  readonly result: number;
  readonly args: readonly bigint[];
  /** The reference words of the call; word 0 arrives as 0. */
  readonly reference: readonly bigint[];
}

const wordsOf = (bytes: Uint8Array): bigint[] =>
  Array.from({ length: bytes.length / 8 }, (_, i) => wordOf(bytes.subarray(8 * i, 8 * i + 8)));

/** Waits until a service of that name is registered; evaluates to it. */
export function IOServiceGetMatchingService(name: string): Act<number> {
  const find = (services: Iterable<Service>): number => {
    for (const service of services)
      if (service.name === name && service.registered && service.state === 'active') return service.id;
    return 0;
  };
  return act(
    'IOServiceGetMatchingService',
    'syscall',
    (step) => {
      const service = find(step.world.services.values());
      step.emit({ kind: 'service.match', service });
      return service;
    },
    {
      ready: (world) => find(world.services.values()) !== 0,
      waitsFor: () => `a registered service "${name}"`,
    },
  );
}

/**
 * Opens the service: the dext makes a user client. Evaluates to a return code and the connection. Errors:
 * `kIOReturnBadArgument` after the service's Stop, `kIOReturnNotPermitted` and `kIOReturnNotPrivileged` when
 * `machine.entitlement` says so (facts §3.6).
 */
export function IOServiceOpen(service: number, type = 0): Program<[code: number, connection: number]> {
  return inKernel(openService(service, type));
}

function* openService(service: number, type: number): Program<[code: number, connection: number]> {
  const { driver, stopped, entitlement } = yield* now((step) => {
    const { world, live } = step;
    step.look('service', service);
    const state = world.services.get(service)?.state;
    return {
      driver: state === undefined ? undefined : (live.get(service) as IOService),
      stopped: state === 'stopped' || state === 'terminated',
      entitlement: world.machine.entitlement,
    };
  });
  if (driver === undefined) return [yield* refuse('IOServiceOpen', MACH_SEND_INVALID_DEST), 0];
  if (stopped) return [yield* refuse('IOServiceOpen', kIOReturnBadArgument), 0];
  if (entitlement === 'not-permitted') return [yield* refuse('IOServiceOpen', kIOReturnNotPermitted), 0];
  let client: IOUserClient | null = null;
  const code = yield* rpc(
    driver.CopyDispatchQueue(kIOServiceDefaultQueueName).id,
    'NewUserClient',
    function* (): Program<number> {
      const [result, made] = yield* asProgram(`${driver.constructor.name}.NewUserClient`, driver.NewUserClient(type));
      client = made;
      return result;
    },
  );
  if (code !== kIOReturnSuccess) return [code, 0];
  const made = client as IOUserClient | null;
  if (made === null) return [yield* refuse('IOServiceOpen', kIOReturnError), 0];
  if (entitlement === 'not-privileged') {
    return yield* act('IOServiceOpen', 'syscall', (step): [number, number] => {
      step.emit({ kind: 'refuse', code: kIOReturnNotPrivileged, call: 'IOServiceOpen' });
      startTermination(step, made.service);
      return [kIOReturnNotPrivileged, 0];
    });
  }
  const connection = yield* act('IOServiceOpen', 'syscall', (step) => {
    const id = step.world.nextId;
    step.emit({
      kind: 'connection.open',
      connection: id,
      service: made.service,
      task: step.world.actors.get(step.actor)!.task,
    });
    made.connection = id;
    const live: Client & { readonly client: IOUserClient } = {
      client: made,
      queue: made.CopyDispatchQueue(kIOUserClientQueueNameExternalMethod).id,
      externalMethod: (method, result) => made.externalMethod(method, result),
      memoryQueue: made.CopyDispatchQueue(kIOServiceDefaultQueueName).id,
      copyClientMemory: (memoryType, result) => made.copyClientMemory(memoryType, result),
    };
    step.live.set(id, live);
    return id;
  });
  return [kIOReturnSuccess, connection];
}

/**
 * Closes the connection, once: waits for its calls in flight; the dext hears Stop afterwards (facts §1.4, §3.6).
 * Evaluates to `MACH_SEND_INVALID_DEST` when there is no such connection, or no more, `kIOReturnBadArgument` for a service.
 */
export function* IOServiceClose(connection: number): Program<number> {
  const refused = yield* now((step) => refusalOf(step, connection));
  if (refused !== kIOReturnSuccess) return yield* refuse('IOServiceClose', refused);
  yield* inKernel(clientClose(connection));
  return kIOReturnSuccess;
}

/**
 * Registers a port with the user client, which a dext's knows nothing of: `kIOReturnUnsupported`, but not before the calls
 * in flight have come back (facts §1.4; UC:4630-4668, 1985-2000).
 */
export function* IOConnectSetNotificationPort(
  connection: number,
  _type: number,
  _port: number,
  _reference: number,
): Program<number> {
  const refused = yield* now((step) => refusalOf(step, connection));
  if (refused !== kIOReturnSuccess) return yield* refuse('IOConnectSetNotificationPort', refused);
  return yield* inKernel(setNotificationPort(connection));
}

function* setNotificationPort(connection: number): Program<number> {
  const name = 'IOConnectSetNotificationPort';
  yield* lockForWrite(connection, name);
  yield* unlockForWrite(connection, name);
  return yield* refuse(name, kIOReturnUnsupported);
}

/** Options of {@link IOConnectMapMemory64} (IOKit/IOMapTypes.h). */
export const kIOMapAnywhere = 0x1;
/** Without effect there: only the dext can say so (facts §6; UC mapClientMemory64). */
export const kIOMapReadOnly = 0x1000;

/** The process that client memory is for, and why the call cannot be made. */
const target = (connection: number, given: number | undefined): Operation<{ task: number; refused: number }> =>
  now((step) => {
    const { world, actor } = step;
    const task = given ?? world.actors.get(actor)!.task;
    const refusal = refusalOf(step, connection);
    return { task, refused: refusal === kIOReturnSuccess && !world.tasks.has(task) ? kIOReturnBadArgument : refusal };
  });

/**
 * Maps the dext's memory of a type into a process, the caller's own or a child's; without {@link kIOMapAnywhere} at
 * `atAddress`. Waits for calls in flight and holds up later ones (facts §1.4, §6). What is mapped already is the same
 * mapping. In the own process it goes with the connection, in another one with that process. Any failure, and any error
 * of the dext, is `kIOReturnBadArgument`.
 */
export function* IOConnectMapMemory64(
  connection: number,
  memoryType: number,
  options: number = kIOMapAnywhere,
  atAddress = 0,
  intoTask?: number,
): Program<[code: number, address: number, size: number]> {
  const { task, refused } = yield* target(connection, intoTask);
  if (refused !== kIOReturnSuccess) return [yield* refuse('IOConnectMapMemory64', refused), 0, 0];
  const fixed = (options & kIOMapAnywhere) === 0 ? atAddress : undefined;
  const [code, mapped] = yield* inKernel(mapClientMemory(connection, memoryType, task, fixed));
  return [code, mapped?.address ?? 0, mapped?.length ?? 0];
}

/**
 * Takes a mapping back: asks the dext again, which must answer with the same descriptor (facts §6). Nobody looks at the
 * address: what is mapped of the descriptor goes.
 */
export function* IOConnectUnmapMemory64(
  connection: number,
  memoryType: number,
  _address: number,
  fromTask?: number,
): Program<number> {
  const { task, refused } = yield* target(connection, fromTask);
  if (refused !== kIOReturnSuccess) return yield* refuse('IOConnectUnmapMemory64', refused);
  return yield* inKernel(unmapClientMemory(connection, memoryType, task));
}

/**
 * Calls the dext and waits for its answer. A struct of up to 4096 bytes travels by copy, a larger one by
 * descriptor. Addresses are 0 for NULL. Evaluates to the code, the scalar outputs and `outputStructCnt`,
 * which for more than 4096 bytes comes back unchanged (facts §3.3 (6)).
 */
export function IOConnectCallMethod(
  connection: number,
  selector: number,
  scalars: readonly bigint[],
  inputStruct: number,
  inputStructCnt: number,
  outputCnt: number,
  outputStruct: number,
  outputStructCnt: number,
): Program<CallResult> {
  return call({
    connection,
    selector,
    scalars,
    input: inputStruct,
    inputSize: inputStructCnt,
    output: outputStruct,
    outputSize: outputStructCnt,
    outputScalars: outputCnt,
  });
}

/** {@link IOConnectCallMethod} with structs only; evaluates to the code and `outputStructCnt`. */
export function* IOConnectCallStructMethod(
  connection: number,
  selector: number,
  inputStruct: number,
  inputStructCnt: number,
  outputStruct = 0,
  outputStructCnt = 0,
): Program<[code: number, outputStructCnt: number]> {
  const [code, , size] = yield* IOConnectCallMethod(
    connection,
    selector,
    [],
    inputStruct,
    inputStructCnt,
    0,
    outputStruct,
    outputStructCnt,
  );
  return [code, size];
}

/** {@link IOConnectCallMethod} with scalars only; evaluates to the code and the scalar outputs. */
export function* IOConnectCallScalarMethod(
  connection: number,
  selector: number,
  scalars: readonly bigint[],
  outputCnt = 0,
): Program<[code: number, output: bigint[]]> {
  const [code, output] = yield* IOConnectCallMethod(connection, selector, scalars, 0, 0, outputCnt, 0, 0);
  return [code, output];
}

/**
 * Like {@link IOConnectCallMethod}; the answer only says that the dext has taken the call. The completion
 * comes to `wakePort`, perhaps before this call returns (facts §3.4). No completion after an error.
 */
export function IOConnectCallAsyncMethod(
  connection: number,
  selector: number,
  wakePort: number,
  reference: readonly bigint[],
  scalars: readonly bigint[],
  inputStruct: number,
  inputStructCnt: number,
  outputCnt: number,
  outputStruct: number,
  outputStructCnt: number,
): Program<CallResult> {
  return call({
    connection,
    selector,
    scalars,
    input: inputStruct,
    inputSize: inputStructCnt,
    output: outputStruct,
    outputSize: outputStructCnt,
    outputScalars: outputCnt,
    wakePort,
    // Without reference words a single dummy is sent (facts §1.1 (7)).
    reference: reference.length === 0 ? [0n] : reference,
  });
}

/** {@link IOConnectCallAsyncMethod} with structs only. */
export function* IOConnectCallAsyncStructMethod(
  connection: number,
  selector: number,
  wakePort: number,
  reference: readonly bigint[],
  inputStruct: number,
  inputStructCnt: number,
  outputStruct = 0,
  outputStructCnt = 0,
): Program<[code: number, outputStructCnt: number]> {
  const [code, , size] = yield* IOConnectCallAsyncMethod(
    connection,
    selector,
    wakePort,
    reference,
    [],
    inputStruct,
    inputStructCnt,
    0,
    outputStruct,
    outputStructCnt,
  );
  return [code, size];
}

/** {@link IOConnectCallAsyncMethod} with scalars only. */
export function* IOConnectCallAsyncScalarMethod(
  connection: number,
  selector: number,
  wakePort: number,
  reference: readonly bigint[],
  scalars: readonly bigint[],
  outputCnt = 0,
): Program<[code: number, output: bigint[]]> {
  const [code, output] = yield* IOConnectCallAsyncMethod(
    connection,
    selector,
    wakePort,
    reference,
    scalars,
    0,
    0,
    outputCnt,
    0,
    0,
  );
  return [code, output];
}

const completionOf = (message: Message): Completion => ({
  result: message.code,
  args: wordsOf(message.arguments),
  reference: wordsOf(message.reference),
});

/** Makes a notification port; its number is also that of the Mach port it wakes on (`IONotificationPortGetMachPort`). */
export function IONotificationPortCreate(): Act<number> {
  return createPort();
}

/** The Mach port behind a notification port: the wake port of asynchronous calls. */
export function IONotificationPortGetMachPort(notifyPort: number): number {
  return notifyPort;
}

/** Waits for the next completion on a port; nothing when none came within `timeout` nanoseconds. */
export function mach_msg_receive(port: number): Program<Completion>;
export function mach_msg_receive(port: number, timeout: number): Program<Completion | undefined>;
export function* mach_msg_receive(port: number, timeout?: number): Program<Completion | undefined> {
  const message = yield* receive(port, timeout);
  return message === undefined ? undefined : completionOf(message);
}

/** What a callback of a notification port is called with (`IOAsyncCallback`). */
export type IOAsyncCallback = (refcon: bigint, result: number, args: readonly bigint[]) => Program;

/** Reference words 1 and 2 carry the callback and its refcon (facts §3.4). */
export const kIOAsyncCalloutFuncIndex = 1;
export const kIOAsyncCalloutRefconIndex = 2;

/**
 * Takes one message from a notification port and calls what its reference words name
 * (`IODispatchCalloutFromMessage`). `callbacks` stands for the app's code: word 1 is an index into it.
 */
export function* IODispatchCalloutFromMessage(
  notifyPort: number,
  callbacks: readonly IOAsyncCallback[],
): Program<Completion> {
  const completion = yield* mach_msg_receive(notifyPort);
  const callback = callbacks[Number(completion.reference[kIOAsyncCalloutFuncIndex] ?? -1n)];
  if (callback !== undefined) {
    yield* callback(completion.reference[kIOAsyncCalloutRefconIndex] ?? 0n, completion.result, completion.args);
  }
  return completion;
}
