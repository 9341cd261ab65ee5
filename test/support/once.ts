/** One synchronous call with a struct input and a struct output, and what the dext does with them. */
import { KiB, type App, type MachineOptions, type Program } from '../../index.ts';
import type { Inside } from './dext.ts';
import type { Setup } from './run.ts';

export interface Once {
  readonly dext: (inside: Inside) => Program;
  /** Where the app has its two buffers; from `mmap` unless told otherwise. */
  readonly allocate?: (app: App, size: number) => Program<number>;
  /** What the app does after the call. */
  readonly after?: (app: App, input: number, output: number) => Program;
  /** Bytes of input and of output. */
  readonly size?: number;
  readonly machine?: Partial<MachineOptions>;
}

/** Whatever is left prepared, its client's end tells. */
export function once({ dext, allocate, after, size = 48 * KiB, machine = {} }: Once): Setup<void> {
  return {
    machine,
    *method(args, client) {
      const input = args.structureInputDescriptor!;
      const output = args.structureOutputDescriptor!;
      yield* dext({ input, output, address: Number(args.scalarInput[0]), client, args });
      return 0;
    },
    *app(app, connect) {
      const [input, output] = allocate
        ? [yield* allocate(app, size), yield* allocate(app, size)]
        : [yield* app.mmap(size), yield* app.mmap(size)];
      yield* app.IOConnectCallMethod(connect, 0, [BigInt(input)], input, size, 0, output, size);
      if (after !== undefined) yield* after(app, input, output);
    },
  };
}
