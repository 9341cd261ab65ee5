/** facts §3.1, §3.3 (2), (3): what ExternalMethod is called with. */
import { expect, test } from 'vitest';
import {
  kIOConnectMethodVarOutputSize,
  kIOUserClientAsyncArgumentsCountMax,
  kIOUserClientAsyncReferenceCountMax,
  kIOUserClientVariableStructureSize,
  KiB,
  type App,
  type IOUserClientMethodArguments,
  type Program,
} from '../../../index.ts';
import { run } from '../../support/run.ts';

/** What a call's arguments say, with descriptors and data as their lengths. */
function said(call: (app: App, connect: number, buffer: number) => Program<unknown>): Record<string, unknown> {
  let seen: Record<string, unknown> = {};
  run({
    *method(args: IOUserClientMethodArguments) {
      const { completion, structureInput, structureInputDescriptor, structureOutputDescriptor, ...plain } = args;
      const length = function* (memory: typeof structureInputDescriptor): Program<number | null> {
        return memory === null ? null : (yield* memory.GetLength())[1];
      };
      seen = {
        ...plain,
        completion: completion !== null,
        structureInput: structureInput?.getLength() ?? null,
        structureInputDescriptor: yield* length(structureInputDescriptor),
        structureOutputDescriptor: yield* length(structureOutputDescriptor),
      };
      return 0;
    },
    *app(app, connect) {
      yield* call(app, connect, yield* app.mmap(64 * KiB));
    },
  });
  return seen;
}

const nothing = {
  version: 2,
  selector: 7,
  completion: false,
  scalarInput: [],
  scalarInputCount: 0,
  structureInput: null,
  structureInputDescriptor: null,
  scalarOutput: [],
  scalarOutputCount: 0,
  structureOutput: null,
  structureOutputDescriptor: null,
  structureOutputMaximumSize: 0,
};

test('version, selector, counts, and NULL for what the app has not passed', () => {
  expect(said((app, connect) => app.IOConnectCallMethod(connect, 7, [], 0, 0, 0, 0, 0))).toEqual(nothing);
});

test('scalars, structs by copy, and room for outputs', () => {
  const seen = said((app, connect, buffer) =>
    app.IOConnectCallMethod(connect, 7, [5n, 6n], buffer, 100, 3, buffer, 200),
  );
  expect(seen).toEqual({
    ...nothing,
    scalarInput: [5n, 6n],
    scalarInputCount: 2,
    structureInput: 100,
    scalarOutput: [0n, 0n, 0n],
    scalarOutputCount: 3,
    structureOutputMaximumSize: 200,
  });
});

test('structs by descriptor, and the action of an asynchronous call', () => {
  const seen = said(function* (app, connect, buffer) {
    const port = yield* app.IONotificationPortCreate();
    return yield* app.IOConnectCallAsyncMethod(connect, 7, port, [], [], buffer, 5000, 0, buffer, 6000);
  });
  expect(seen).toEqual({
    ...nothing,
    completion: true,
    structureInputDescriptor: 5000,
    structureOutputDescriptor: 6000,
    structureOutputMaximumSize: 6000,
  });
});

test('0xffffffff as the room for a variable output', () => {
  const seen = said((app, connect, buffer) =>
    app.IOConnectCallStructMethod(connect, 7, 0, 0, buffer, kIOConnectMethodVarOutputSize),
  );
  expect(seen).toEqual({ ...nothing, structureOutputMaximumSize: 0xffff_ffff });
  expect(kIOUserClientVariableStructureSize).toBe(0xffff_ffff);
});

test('the limits as the header says them', () => {
  expect([kIOUserClientAsyncArgumentsCountMax, kIOUserClientAsyncReferenceCountMax]).toEqual([16, 16]);
});
