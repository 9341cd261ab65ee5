/** Runs a piece of dext code inside one external method, with the app's memory at hand. */
import {
  IODMACommand,
  KiB,
  type IOMemoryDescriptor,
  type IOUserClientMethodArguments,
  type MachineOptions,
  type Program,
  type RecordOptions,
} from '../../index.ts';
import type { Range } from '../../core/iokit/state.ts';
import { run, type Ran, type TestClient } from './run.ts';

export interface Inside {
  /** The struct input: `size` bytes, direction Out. */
  readonly input: IOMemoryDescriptor;
  /** The struct output: as many, direction In. */
  readonly output: IOMemoryDescriptor;
  /** The app's address of both: the output lies behind the input, in an object of its own. */
  readonly address: number;
  readonly client: TestClient;
  readonly args: IOUserClientMethodArguments;
}

export interface Around {
  /** Bytes of input and of output. */
  readonly size?: number;
  readonly machine?: Partial<MachineOptions>;
  readonly options?: RecordOptions;
  /** Where in their first page the buffers begin. */
  readonly unaligned?: number;
}

/** Evaluates to the run, whose result is what the body evaluates to. */
export function inDext<T>(body: (inside: Inside) => Program<T>, around: Around = {}): Ran<T> {
  const { size = 48 * KiB, machine = {}, options = {}, unaligned = 0 } = around;
  let value: T;
  return run<T>(
    {
      machine,
      *method(args, client) {
        const input = args.structureInputDescriptor!;
        const output = args.structureOutputDescriptor!;
        value = yield* body({ input, output, address: Number(args.scalarInput[0]), client, args });
        return 0;
      },
      *app(app, connect) {
        const input = (yield* app.mmap(size + unaligned)) + unaligned;
        const output = (yield* app.mmap(size + unaligned)) + unaligned;
        const [code] = yield* app.IOConnectCallMethod(connect, 0, [BigInt(input)], input, size, 0, output, size);
        if (code !== 0) throw new Error(`the call failed with ${code}`);
        return value;
      },
    },
    options,
  );
}

/** A command for the device. */
export function* commandFor({ client }: Pick<Inside, 'client'>, maxAddressBits = 64): Program<IODMACommand> {
  return (yield* IODMACommand.Create(client.pci, 0, { maxAddressBits }))[1]!;
}

/** Prepares all of the memory; fails the test unless it succeeds. */
export function* prepared(
  inside: Pick<Inside, 'client'>,
  memory: IOMemoryDescriptor,
): Program<[command: IODMACommand, segments: readonly Range[]]> {
  const command = yield* commandFor(inside);
  const [code, , , segments] = yield* command.PrepareForDMA(0, memory, 0, 0);
  if (code !== 0) throw new Error(`PrepareForDMA failed with ${code}`);
  return [command, segments];
}

/** How often each frame is wired, without those that are not. */
export function wires({ world }: Pick<Ran<unknown>, 'world'>): number[] {
  return [...world.frames.values()].map((frame) => frame.wires).filter((count) => count > 0);
}
