/** The struct call path: IOKitLib's stub, the kernel's entry, the remote call, and back (facts §1, §3.3). */
import { kIOReturnBadArgument, kIOReturnIPCError, kIOReturnSuccess, MIG_ARRAY_TOO_LARGE } from '../codes.ts';
import { store64 } from '../memory/access.ts';
import { bytesOf } from '../memory/atomics.ts';
import { touchPages } from '../memory/fault.ts';
import { mapAnonymous } from '../memory/space.ts';
import { act, Crash, inKernel, now, refuse, type Act, type Program } from '../operation.ts';
import { alignUp } from '../units.ts';
import { refusalOf } from './connection.ts';
import { createDescriptor } from './descriptor.ts';
import { rpc } from './queue.ts';
import { release } from './release.ts';
import { lockForRead } from './lock.ts';

/** Up to this size a struct travels in the message, above it as a descriptor; on every page size (facts §1.1 (2)). */
export const inlineLimit = 4096;
/** Most scalars in each direction (facts §1.2). */
export const maxScalars = 16;
/** Most reference words of an asynchronous call (facts §1.2). */
export const maxReferences = 8;

/** As `outputStructCnt` of a synchronous call: the kernel makes memory for the output (facts §1.1 (5), IOKitLib.h). */
export const kIOConnectMethodVarOutputSize = -3;
/** `structureOutputMaximumSize` of such a call, and in a dispatch entry: do not check this (facts §3.1, §3.2). */
export const kIOUserClientVariableStructureSize = 0xffffffff;

/** What the app passes. Addresses are 0 for NULL; `reference` makes the call asynchronous. */
export interface CallArguments {
  readonly connection: number;
  readonly selector: number;
  readonly scalars: readonly bigint[];
  readonly input: number;
  readonly inputSize: number;
  readonly output: number;
  readonly outputSize: number;
  readonly outputScalars: number;
  readonly wakePort?: number;
  readonly reference?: readonly bigint[];
}

/** What the dext's ExternalMethod is called with, in kernel object numbers; 0 for NULL. */
export interface MethodCall {
  readonly call: number;
  readonly selector: number;
  readonly scalars: readonly bigint[];
  /** The inline input, copied at the call; absent for size 0 and for descriptors. */
  readonly input: Uint8Array | undefined;
  readonly inputDescriptor: number;
  readonly outputDescriptor: number;
  readonly outputScalars: number;
  /** Room for an inline output, or the output descriptor's length. */
  readonly outputMaximum: number;
  /** Whether the app passed a struct for which the dext gets NULL on both sides (facts §1.3). */
  readonly lost: boolean;
  readonly action: number;
}

/** What the dext's ExternalMethod hands back besides its code. */
export interface MethodResult {
  readonly scalars: readonly bigint[];
  readonly output: Uint8Array | undefined;
}

/** A user client's method table entry in the live registry of a connection. */
export interface Client {
  readonly queue: number;
  externalMethod(call: MethodCall, result: (value: MethodResult) => void): Program<number>;
  /** Where CopyClientMemoryForType runs: the default queue (facts §7.4). */
  readonly memoryQueue: number;
  copyClientMemory(type: number, result: (value: ClientMemory) => void): Program<number>;
}

/** What the dext's CopyClientMemoryForType hands back besides its code. */
export interface ClientMemory {
  /** A descriptor's number, with a reference; 0 for NULL. */
  readonly memory: number;
  readonly options: number | undefined;
}

/** Scalars as the bytes of an event. */
export function words(values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  values.forEach((value, i) => bytes.set(bytesOf(value, 8), 8 * i));
  return bytes;
}

/** What a call evaluates to: its code, scalar outputs, and the value left in `outputStructCnt`. */
export type CallResult = [code: number, scalars: bigint[], outputSize: number];

/** `IOConnectCallMethod` and `IOConnectCallAsyncMethod` on the calling app thread. */
export function* call(args: CallArguments): Program<CallResult> {
  const { connection, selector, inputSize, outputSize } = args;
  const name = args.reference === undefined ? 'IOConnectCallMethod' : 'IOConnectCallAsyncMethod';
  if (
    args.scalars.length > maxScalars ||
    args.outputScalars > maxScalars ||
    (args.reference?.length ?? 0) > maxReferences
  ) {
    return [yield* refuse(name, MIG_ARRAY_TOO_LARGE), [], outputSize];
  }
  const { storeWidth, task, refused } = yield* now((step) => {
    const { world, actor } = step;
    const refusal = refusalOf(step, connection);
    return { storeWidth: world.machine.storeWidth, task: world.actors.get(actor)!.task, refused: refusal };
  });
  if (refused !== kIOReturnSuccess) return [yield* refuse(name, refused), [], outputSize];
  const variable = isVariable(args);
  // An asynchronous call has no variable output: there the constant is a size that no call may have (facts §1.3).
  if (!variable && (outputSize < 0 || outputSize > 0xffff_ffff)) {
    return [yield* refuse(name, kIOReturnIPCError), [], outputSize];
  }

  const inline = inputSize <= inlineLimit;
  const id = yield* act(name, 'syscall', (step) => {
    if (inline && inputSize > 0 && args.input === 0)
      throw new Crash(`SIGSEGV: ${name} copies ${inputSize} bytes from NULL`);
    const next = step.world.nextId;
    step.emit({
      kind: 'call.begin',
      call: next,
      connection,
      selector,
      inputSize: inline ? inputSize : 0,
      outputSize: variable ? kIOUserClientVariableStructureSize : outputSize,
      asynchronous: args.reference !== undefined,
      scalars: words(args.scalars),
    });
    return next;
  });
  if (inline) yield* copy(id, args.input, inputSize, storeWidth, task, 'call.copyin');

  const { code, result } = yield* inKernel(enterKernel(id, task, args));

  const scalars = code === kIOReturnSuccess ? result.scalars.slice(0, args.outputScalars) : [];
  const returned = code === kIOReturnSuccess ? result.output?.length : undefined;
  if (code === kIOReturnSuccess && returned === undefined && !variable && outputSize > 0 && outputSize <= inlineLimit) {
    const what = `what ${outputSize} bytes of inline output hold that the dext has not set; untouched here`;
    yield* now((step) => step.emit({ kind: 'unspecified', what }));
  }
  if (returned !== undefined) {
    const target = variable ? yield* makeRoom(task, returned) : args.output;
    yield* copy(id, target, returned, storeWidth, task, 'call.copyout');
    if (variable) yield* store64(args.output, BigInt(target));
  }
  yield* act(name, 'syscall', (step) => step.emit({ kind: 'call.return', call: id, code, scalars: words(scalars) }));
  // Above the inline limit the count comes back as it was; without an output set, so does an inline one (facts §3.3 (6), (7)).
  const count = outputSize <= inlineLimit ? (returned ?? (variable ? 0 : outputSize)) : outputSize;
  return [code, [...scalars], count];
}

/** Whether the kernel makes memory for the output. */
const isVariable = ({ outputSize, reference }: CallArguments): boolean =>
  outputSize === kIOConnectMethodVarOutputSize && reference === undefined;

/** New memory of the app for a variable output: its address, 0 for an empty one. */
function makeRoom(task: number, length: number): Act<number> {
  return act('variable output', 'kernel', (step) => {
    if (length > 0) return mapAnonymous(step, task, alignUp(length, step.world.machine.pageSize), 1, 'delay');
    step.emit({ kind: 'refuse', code: kIOReturnSuccess, call: 'variable output' });
    return 0;
  });
}

/** The user-space stub's memcpy between the app's buffer and the message, piece by piece. */
function* copy(
  id: number,
  address: number,
  length: number,
  width: number,
  task: number,
  kind: 'call.copyin' | 'call.copyout',
): Program {
  for (let offset = 0; offset < length;) {
    const at = address + offset;
    const piece = Math.min(length - offset, width - (at % width));
    const from = offset;
    yield* act('copy message', 'copy', (step) => {
      touchPages(step, task, at, piece, kind === 'call.copyout');
      step.emit({ kind, call: id, offset: from, address: at, length: piece });
    });
    offset += piece;
  }
}

/** From the kernel's entry to its exit: lock, descriptors, action, remote call, checks, releases (facts §1.3, §3.3). */
function* enterKernel(id: number, task: number, args: CallArguments): Program<{ code: number; result: MethodResult }> {
  const { connection, inputSize, outputSize } = args;
  yield* lockForRead(connection);

  const describe = (address: number, size: number, direction: 'in' | 'out'): Act<number> =>
    act('withAddressRange', 'kernel', (step) => {
      const descriptor = createDescriptor(step, {
        type: 'general',
        task,
        ranges: [{ address, length: size }],
        direction,
        copyOnWrite: direction === 'out',
        threadSafe: false,
      });
      // The kernel does not look at the result: the call goes on with NULL (facts §1.3).
      if (descriptor === 0) step.emit({ kind: 'refuse', code: kIOReturnBadArgument, call: 'withAddressRange' });
      return descriptor;
    });
  const hasInput = inputSize > inlineLimit && args.input !== 0;
  const hasOutput = outputSize > inlineLimit && args.output !== 0;
  const inputDescriptor = hasInput ? yield* describe(args.input, inputSize, 'out') : 0;
  const outputDescriptor = hasOutput ? yield* describe(args.output, outputSize, 'in') : 0;

  const { reference, wakePort } = args;
  const action =
    reference === undefined
      ? 0
      : yield* act('CreateActionKernelCompletion', 'kernel', (step) => {
          const next = step.world.nextId;
          // Slot 0 carries the wake port inside the kernel and arrives as 0 (facts §1.3).
          const slots = words([0n, ...reference.slice(1)]);
          step.emit({ kind: 'action.create', action: next, port: wakePort!, reference: slots });
          return next;
        });

  const variable = isVariable(args);
  const inlineRoom = variable ? kIOUserClientVariableStructureSize : outputSize <= inlineLimit ? outputSize : 0;
  let result: MethodResult = { scalars: [], output: undefined };
  const { client, input } = yield* now((step) => ({
    client: step.live.get(connection) as Client,
    input: step.world.calls.get(id)!.input,
  }));
  const method: MethodCall = {
    call: id,
    selector: args.selector,
    scalars: args.scalars,
    input: input.length > 0 ? input : undefined,
    inputDescriptor,
    outputDescriptor,
    outputScalars: args.outputScalars,
    outputMaximum: outputDescriptor === 0 ? inlineRoom : outputSize,
    lost: (inputSize > inlineLimit && inputDescriptor === 0) || (outputSize > inlineLimit && outputDescriptor === 0),
    action,
  };
  let code = yield* rpc(client.queue, 'ExternalMethod', () =>
    client.externalMethod(method, (value) => {
      result = value;
    }),
  );
  const { output } = result;
  if (code === kIOReturnSuccess && output !== undefined) {
    // The dext has run: whatever it started goes on (facts §3.3 (5)).
    if (output.length > inlineRoom) code = yield* refuse('ExternalMethod output', kIOReturnBadArgument);
    else
      yield* act('ExternalMethod output', 'kernel', (step) =>
        step.emit({ kind: 'call.output', call: id, bytes: output }),
      );
  }
  for (const object of [action, inputDescriptor, outputDescriptor]) if (object !== 0) yield* release(object);
  yield* act('unlock user client', 'kernel', (step) =>
    step.emit({ kind: 'connection.unlock', connection, mode: 'read' }),
  );
  return { code, result };
}
