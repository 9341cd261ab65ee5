import {
  kIOReturnBadArgument,
  kIOReturnMessageTooLarge,
  kIOReturnNoCompletion,
  kIOReturnNotReady,
  kIOReturnNoMemory,
  kIOReturnOverrun,
  kIOReturnSuccess,
  kIOReturnUnsupported,
} from '../codes.ts';
import { injected } from '../faults/injected.ts';
import {
  kIOUserClientVariableStructureSize,
  maxScalars,
  words,
  type ClientMemory,
  type MethodCall,
  type MethodResult,
} from '../iokit/call.ts';
import { createDescriptor } from '../iokit/descriptor.ts';
import { complete } from '../iokit/port.ts';
import { mustLive } from '../iokit/references.ts';
import { holding } from '../iokit/release.ts';
import type { Range } from '../iokit/state.ts';
import { act, asProgram, Crash, now, refuse, type Program } from '../operation.ts';
import { directionOf, IOMemoryDescriptor, kIOMemoryDisableCopyOnWrite } from './memory.ts';
import { OSData } from './objects.ts';
import type { IOPCIDevice } from './IOPCIDevice.ts';
import { IOService } from './IOService.ts';
import { OSAction } from './OSAction.ts';

/** Set this queue on a user client to run external methods on it (facts §7.4). */
export const kIOUserClientQueueNameExternalMethod = 'IOUserClientQueueExternalMethod';
/** Most arguments of a completion (facts §3.1). */
export const kIOUserClientAsyncArgumentsCountMax = 16;
/** What the header says of reference words; 8 get through (facts §1.2, §3.1). */
export const kIOUserClientAsyncReferenceCountMax = 16;

/** What an external method is called with (facts §3.1). The dext fills in the outputs. */
export interface IOUserClientMethodArguments {
  readonly version: 2;
  readonly selector: number;
  readonly completion: OSAction | null;
  readonly scalarInput: readonly bigint[];
  readonly scalarInputCount: number;
  readonly structureInput: OSData | null;
  readonly structureInputDescriptor: IOMemoryDescriptor | null;
  readonly scalarOutput: bigint[];
  readonly scalarOutputCount: number;
  structureOutput: OSData | null;
  readonly structureOutputDescriptor: IOMemoryDescriptor | null;
  readonly structureOutputMaximumSize: number;
}

/** One entry of a dispatch table (facts §3.2). */
export interface IOUserClientMethodDispatch<Target = unknown> {
  readonly function?: (target: Target, reference: unknown, args: IOUserClientMethodArguments) => Program<number>;
  /** 1: must be asynchronous; 0: must not be; -1 or absent: either. */
  readonly checkCompletionExists?: -1 | 0 | 1;
  readonly checkScalarInputCount?: number;
  readonly checkStructureInputSize?: number;
  readonly checkScalarOutputCount?: number;
  readonly checkStructureOutputSize?: number;
}

const differs = (expected: number | undefined, actual: number): boolean =>
  expected !== undefined && expected !== kIOUserClientVariableStructureSize && expected !== actual;

/** An app's connection, seen from the dext. */
export abstract class IOUserClient extends IOService {
  /** Its connection; 0 until the app has been let in. */
  connection = 0;

  /**
   * Override it, or hand it a dispatch entry to have the arguments checked (facts §3.2): any mismatch is
   * `kIOReturnBadArgument`, no function `kIOReturnNoCompletion`. Unspecified: the error of a mismatch, and where macOS
   * checks the completion; here, last (facts §13).
   */
  *ExternalMethod<Target>(
    _selector: number,
    args: IOUserClientMethodArguments,
    dispatch?: IOUserClientMethodDispatch<Target>,
    target?: Target,
    reference?: unknown,
  ): Program<number> {
    if (dispatch === undefined) return yield* refuse('ExternalMethod', kIOReturnUnsupported);
    const input = args.structureInput?.getLength() ?? (yield* lengthOf(args.structureInputDescriptor));
    const completes = dispatch.checkCompletionExists;
    if (
      differs(dispatch.checkScalarInputCount, args.scalarInputCount) ||
      differs(dispatch.checkStructureInputSize, input) ||
      differs(dispatch.checkScalarOutputCount, args.scalarOutputCount) ||
      differs(dispatch.checkStructureOutputSize, args.structureOutputMaximumSize) ||
      (completes !== undefined && completes !== -1 && (completes === 1) !== (args.completion !== null))
    ) {
      yield* now((step) => step.emit({ kind: 'unspecified', what: 'the error of a dispatch check; BadArgument here' }));
      return yield* refuse('ExternalMethod dispatch check', kIOReturnBadArgument);
    }
    if (dispatch.function === undefined) return yield* refuse('ExternalMethod', kIOReturnNoCompletion);
    return yield* dispatch.function(target!, reference, args);
  }

  /**
   * Sends the completion of an asynchronous call: one-way, as often as it is called (facts §3.4).
   * More than 16 values: nothing is sent, without a word.
   */
  *AsyncCompletion(action: OSAction, status: number, values: readonly bigint[] = []): Program {
    yield* now((step) => mustLive(step, action.id, 'OSAction'));
    if (values.length > kIOUserClientAsyncArgumentsCountMax) {
      yield* refuse('AsyncCompletion', kIOReturnMessageTooLarge);
      return;
    }
    yield* holding([{ id: action.id, what: 'OSAction' }], complete(action.id, status, words(values)));
  }

  /**
   * Describes ranges of the app's memory, whether the app offered them or not (facts §2.8).
   * Copy-on-write unless {@link kIOMemoryDisableCopyOnWrite} is given. Errors: `kIOReturnOverrun` for more
   * than 32 ranges, `kIOReturnNotReady` after Stop, `kIOReturnNoMemory` for ranges that cannot be.
   */
  *CreateMemoryDescriptorFromClient(
    options: number,
    segments: readonly Range[],
  ): Program<[code: number, memory: IOMemoryDescriptor | null]> {
    const name = 'CreateMemoryDescriptorFromClient';
    if (segments.length > 32) return [yield* refuse(name, kIOReturnOverrun), null];
    const task = yield* now(({ world }) => {
      const connection = world.connections.get(this.connection);
      return connection === undefined || connection.state === 'stopped' ? undefined : connection.task;
    });
    if (task === undefined) return [yield* refuse(name, kIOReturnNotReady), null];
    const failed = yield* injected('allocation', name);
    if (failed !== 0) return [failed, null];
    const id = yield* act(name, 'kernel', (step) => {
      const descriptor = createDescriptor(step, {
        type: 'general',
        task,
        ranges: segments,
        direction: directionOf(options),
        copyOnWrite: (options & kIOMemoryDisableCopyOnWrite) === 0,
        threadSafe: true,
      });
      if (descriptor === 0) step.emit({ kind: 'refuse', code: kIOReturnNoMemory, call: name });
      return descriptor;
    });
    return id === 0 ? [kIOReturnNoMemory, null] : [kIOReturnSuccess, new IOMemoryDescriptor(id)];
  }

  /**
   * Hands out memory that the app maps with `IOConnectMapMemory64`: options, {@link kIOUserClientMemoryReadOnly} or 0,
   * and a descriptor with a reference of its own. Return the same one every time: unmapping asks again (facts §6).
   */
  *CopyClientMemoryForType(
    _type: number,
  ): Program<[code: number, options: number | undefined, memory: IOMemoryDescriptor | null]> {
    return [yield* refuse('CopyClientMemoryForType', kIOReturnUnsupported), 0, null];
  }

  /** What mapping and unmapping by the app run on the default queue. */
  *copyClientMemory(type: number, result: (value: ClientMemory) => void): Program<number> {
    const program = this.CopyClientMemoryForType(type);
    const [code, options, memory] = yield* asProgram(`${this.constructor.name}.CopyClientMemoryForType`, program);
    if (memory !== null) yield* now((step) => mustLive(step, memory.id, memory.constructor.name));
    result({ memory: memory?.id ?? 0, options });
    return code;
  }

  /** Lets the connection go (facts §3.6 (3)): what an override must end with. */
  override *Stop(_provider: IOService | IOPCIDevice): Program<number> {
    yield* act('super::Stop', 'message', (step) => {
      const { connection, service } = this;
      if (connection !== 0) step.emit({ kind: 'connection.state', connection, state: 'stopped' });
      step.emit({ kind: 'service.state', service, state: 'stopped' });
    });
    return kIOReturnSuccess;
  }

  /** What a call of the app runs on the external-method queue: builds the arguments and hands back the outputs. */
  *externalMethod(call: MethodCall, result: (value: MethodResult) => void): Program<number> {
    const args: IOUserClientMethodArguments = {
      version: 2,
      selector: call.selector,
      completion: call.action === 0 ? null : new OSAction(call.action),
      scalarInput: call.scalars,
      scalarInputCount: call.scalars.length,
      structureInput: call.input === undefined ? null : OSData.withBytes(call.input),
      structureInputDescriptor: call.inputDescriptor === 0 ? null : new IOMemoryDescriptor(call.inputDescriptor),
      scalarOutput: Array.from({ length: Math.min(call.outputScalars, maxScalars) }, () => 0n),
      scalarOutputCount: call.outputScalars,
      structureOutput: null,
      structureOutputDescriptor: call.outputDescriptor === 0 ? null : new IOMemoryDescriptor(call.outputDescriptor),
      structureOutputMaximumSize: call.outputMaximum,
    };
    let code: number;
    try {
      code = yield* asProgram(`${this.constructor.name}.ExternalMethod`, this.ExternalMethod(call.selector, args));
    } catch (error) {
      // JavaScript's way of dereferencing NULL. Its text differs between engines, so it stays out.
      if (!call.lost || !(error instanceof TypeError)) throw error;
      throw new Crash('EXC_BAD_ACCESS: a struct of the call came as NULL', 'null-argument', { cause: error });
    }
    const output = args.structureOutput;
    result({ scalars: args.scalarOutput, output: output?.getBytesNoCopy() });
    return code;
  }
}

function* lengthOf(descriptor: IOMemoryDescriptor | null): Program<number> {
  return descriptor === null ? 0 : (yield* descriptor.GetLength())[1];
}
