/** Rules about completions of asynchronous calls: what each finds, and the nearest thing that is right. */
import { expect, test } from 'vitest';
import {
  kIOReturnAborted,
  kIOReturnBadArgument,
  kIOReturnError,
  kIOReturnSuccess,
  KiB,
  OSData,
  type App,
  type IODMACommand,
  type IOMemoryDescriptor,
  type IOUserClientMethodArguments,
  type OSAction,
  type Program,
} from '../../../index.ts';
import { prepared } from '../../support/dext.ts';
import { found } from '../../support/found.ts';
import { obey } from '../../support/probe.ts';
import type { Setup, TestClient } from '../../support/run.ts';

const size = 16 * KiB;

/** What a dext does with the arguments of the asynchronous call. */
type Body = (args: IOUserClientMethodArguments, client: TestClient, shared: Record<string, unknown>) => Program<number>;

interface Sending {
  readonly body: Body;
  /** Further methods, from selector 1 on. */
  readonly more?: readonly Body[];
  /** What the app does after the call; takes one completion unless told otherwise. */
  readonly after?: (app: App, port: number, connect: number, output: number) => Program;
  readonly stop?: (client: TestClient, shared: Record<string, unknown>) => Program;
  readonly afterStop?: (client: TestClient, shared: Record<string, unknown>) => Program;
}

/** An asynchronous call with a struct output. */
function sending({ body, more = [], after, stop, afterStop }: Sending): Setup<void> {
  const shared: Record<string, unknown> = {};
  const setup: Setup<void> = {
    method: [body, ...more].map((one) => (args, client) => one(args, client, shared)),
    *app(app, connect) {
      const output = yield* app.mmap(size);
      const port = yield* app.IONotificationPortCreate();
      yield* app.IOConnectCallAsyncStructMethod(connect, 0, port, [], 0, 0, output, size);
      if (after === undefined) yield* app.mach_msg_receive(port);
      else yield* after(app, port, connect, output);
    },
    ...(stop && { stop: (client: TestClient) => stop(client, shared) }),
    ...(afterStop && { afterStop: (client: TestClient) => afterStop(client, shared) }),
  };
  return setup;
}

const rulesOf = (what: Sending): string[] => found(sending(what));

function* nothing(): Program {}

test('completion-lost: nobody retained the action, or somebody dropped it; completing it is right', () => {
  expect(
    rulesOf({
      *body() {
        return kIOReturnSuccess;
      },
    }),
  ).toEqual(['completion-lost', 'unanswered']);
  expect(
    rulesOf({
      *body(args) {
        yield* args.completion!.retain();
        yield* args.completion!.release();
        return kIOReturnSuccess;
      },
      after: nothing,
    }),
  ).toEqual(['completion-lost']);
  expect(
    rulesOf({
      *body(args, client) {
        yield* client.AsyncCompletion(args.completion!, 0);
        return kIOReturnSuccess;
      },
    }),
  ).toEqual([]);
  // After an error no completion is expected.
  expect(
    rulesOf({
      *body() {
        return kIOReturnError;
      },
      after: nothing,
    }),
  ).toEqual([]);
});

test('completion-lost: more than 16 values, an action that is held for ever', () => {
  const values = (count: number): Body =>
    function* (args, client) {
      yield* client.AsyncCompletion(
        args.completion!,
        0,
        Array.from({ length: count }, () => 0n),
      );
      return kIOReturnSuccess;
    };
  expect(rulesOf({ body: values(17), after: nothing })).toEqual(['completion-lost']);
  expect(rulesOf({ body: values(16) })).toEqual([]);
  const held: Body = function* (args) {
    yield* args.completion!.retain();
    return kIOReturnSuccess;
  };
  expect(rulesOf({ body: held })).toEqual(['completion-lost', 'unanswered']);
  // An app that does not wait for it is no worse off.
  expect(rulesOf({ body: held, after: nothing })).toEqual([]);
});

test('completion-lost: dropped in Stop by an app that has closed and gone', () => {
  const dropped: Sending = {
    *body(args, _client, shared) {
      yield* args.completion!.retain();
      shared['action'] = args.completion!;
      return kIOReturnSuccess;
    },
    *stop(_client, shared) {
      yield* (shared['action'] as OSAction).release();
    },
    *after(app, _port, connect) {
      yield* app.IOServiceClose(connect);
    },
  };
  expect(rulesOf(dropped)).toEqual([]);
  const waits: Sending = {
    ...dropped,
    *after(app, port, connect) {
      yield* app.IOServiceClose(connect);
      yield* app.mach_msg_receive(port);
    },
  };
  expect(rulesOf(waits)).toEqual(['completion-lost', 'unanswered']);
});

test('completion-doubled: the same message again, or after the memory was given back; a stream is right', () => {
  const twice = (first: number, second: number): Body =>
    function* (args, client) {
      yield* client.AsyncCompletion(args.completion!, first);
      yield* client.AsyncCompletion(args.completion!, second);
      return kIOReturnSuccess;
    };
  const both: Sending['after'] = function* (app, port) {
    for (let i = 0; i < 2; i += 1) yield* app.mach_msg_receive(port);
  };
  expect(rulesOf({ body: twice(0, 0), after: both })).toEqual(['completion-doubled']);
  expect(rulesOf({ body: twice(0, 1), after: both })).toEqual([]);
  const transfer = (sends: number): Body =>
    function* (args, client) {
      const [command] = yield* prepared({ client }, args.structureOutputDescriptor!);
      yield* command.CompleteDMA(0);
      for (let i = 0; i < sends; i += 1) yield* client.AsyncCompletion(args.completion!, i);
      return kIOReturnSuccess;
    };
  expect(rulesOf({ body: transfer(2), after: both })).toEqual(['completion-doubled']);
  expect(rulesOf({ body: transfer(1) })).toEqual([]);
});

test('completion-before-complete: CompleteDMA comes second; first is right', () => {
  const transfer = (first: 'complete' | 'send'): Body =>
    function* (args, client) {
      const [command] = yield* prepared({ client }, args.structureOutputDescriptor!);
      if (first === 'complete') yield* command.CompleteDMA(0);
      yield* client.AsyncCompletion(args.completion!, 0);
      if (first === 'send') yield* command.CompleteDMA(0);
      return kIOReturnSuccess;
    };
  expect(rulesOf({ body: transfer('send') })).toEqual(['completion-before-complete']);
  expect(rulesOf({ body: transfer('complete') })).toEqual([]);
});

test('completion-after-error: sent before or after the error; an error alone is right', () => {
  expect(
    rulesOf({
      *body(args, client) {
        yield* client.AsyncCompletion(args.completion!, 0);
        return kIOReturnError;
      },
    }),
  ).toEqual(['completion-after-error']);
  const later = (code: number): string[] =>
    rulesOf({
      *body(args, _client, shared) {
        yield* args.completion!.retain();
        shared['action'] = args.completion!;
        return code;
      },
      more: [
        function* (_args, client, shared) {
          yield* client.AsyncCompletion(shared['action'] as OSAction, 0);
          yield* (shared['action'] as OSAction).release();
          return kIOReturnSuccess;
        },
      ],
      *after(app, port, connect) {
        yield* app.IOConnectCallScalarMethod(connect, 1, []);
        yield* app.mach_msg_receive(port);
      },
    });
  expect(later(kIOReturnBadArgument)).toEqual(['completion-after-error']);
  expect(later(kIOReturnSuccess)).toEqual([]);
});

test('completion-after-close: after super::Stop, or a success that the app takes; aborted before it is right', () => {
  const keeps: Body = function* (args, _client, shared) {
    yield* args.completion!.retain();
    shared['action'] = args.completion!;
    return kIOReturnSuccess;
  };
  const completes = (code: number) =>
    function* (client: TestClient, shared: Record<string, unknown>): Program {
      yield* client.AsyncCompletion(shared['action'] as OSAction, code);
      yield* (shared['action'] as OSAction).release();
    };
  const closes: Sending['after'] = function* (app, port, connect) {
    yield* app.IOServiceClose(connect);
    yield* app.mach_msg_receive(port);
  };
  const { body, after } = { body: keeps, after: closes };
  expect(rulesOf({ body, after, afterStop: completes(kIOReturnAborted) })).toEqual(['completion-after-close']);
  expect(rulesOf({ body, after, stop: completes(kIOReturnSuccess) })).toEqual(['completion-after-close']);
  expect(rulesOf({ body, after, stop: completes(kIOReturnAborted) })).toEqual([]);
});

test('completion-before-return: another thread takes it first; the caller itself is right', () => {
  const body: Body = function* (args, client) {
    yield* client.AsyncCompletion(args.completion!, 0);
    return kIOReturnSuccess;
  };
  const threaded = (early: boolean): string[] =>
    found({
      method: (args, client) => body(args, client, {}),
      *app(app, connect) {
        const port = yield* app.IONotificationPortCreate();
        function* serve(): Program {
          yield* app.mach_msg_receive(port);
        }
        const first = early ? yield* app.pthread_create('server', serve) : 0;
        yield* app.IOConnectCallAsyncScalarMethod(connect, 0, port, [], []);
        yield* app.pthread_join(early ? first : yield* app.pthread_create('server', serve));
      },
    });
  expect(threaded(true)).toEqual(['completion-before-return']);
  expect(threaded(false)).toEqual([]);
  expect(rulesOf({ body })).toEqual([]);
});

test('output-beside-descriptor: structureOutput with a large output; with a small one it is right', () => {
  const sets = (outputSize: number): string[] =>
    found({
      *method(args) {
        args.structureOutput = OSData.withBytes(new Uint8Array(8));
        return kIOReturnSuccess;
      },
      *app(app, connect) {
        const output = yield* app.mmap(size);
        yield* app.IOConnectCallMethod(connect, 0, [], 0, 0, 0, output, outputSize);
      },
    });
  expect(sets(4097)).toEqual(['output-beside-descriptor']);
  expect(sets(4096)).toEqual([]);
});

/** A stream of events through one retained output: each call of selector 1 is an event. */
function stream(events: readonly number[], reads: (app: App, output: number) => Program): string[] {
  return rulesOf({
    *body(args, client, shared) {
      const memory = args.structureOutputDescriptor!;
      yield* memory.retain();
      yield* args.completion!.retain();
      const [command, segments] = yield* prepared({ client }, memory);
      Object.assign(shared, { memory, command, action: args.completion!, address: segments[0]!.address });
      return kIOReturnSuccess;
    },
    more: [
      function* (args, client, shared) {
        const at = Number(args.scalarInput[0]);
        yield* obey(client.pci, { command: 'write', address: (shared['address'] as number) + at, length: 64 });
        yield* client.AsyncCompletion(shared['action'] as OSAction, 0);
        return kIOReturnSuccess;
      },
    ],
    *stop(_client, shared) {
      yield* (shared['command'] as IODMACommand).CompleteDMA(0);
      yield* (shared['memory'] as IOMemoryDescriptor).release();
      yield* (shared['action'] as OSAction).release();
    },
    *after(app, port, connect, output) {
      for (const at of events) {
        yield* app.IOConnectCallScalarMethod(connect, 1, [BigInt(at)]);
        yield* app.mach_msg_receive(port);
        yield* reads(app, output + at);
      }
    },
  });
}

test('output-overwritten: the same bytes twice without a look; reading in between, or other bytes, are right', () => {
  function* looks(app: App, at: number): Program {
    yield* app.read(at, 64);
  }
  function* peeks(app: App, at: number): Program {
    yield* app.read(at, 32);
  }
  expect(stream([0, 0], nothing)).toContain('output-overwritten');
  expect(stream([0, 0], peeks)).toContain('output-overwritten');
  expect(stream([0, 0], looks)).not.toContain('output-overwritten');
  expect(stream([0, 128], nothing)).not.toContain('output-overwritten');
});

test('stale-output: reading beyond what was written; up to there is right', () => {
  const reading = (bytes: number): string[] =>
    rulesOf({
      *body(args, client) {
        const [command, segments] = yield* prepared({ client }, args.structureOutputDescriptor!);
        yield* obey(client.pci, { command: 'write', address: segments[0]!.address, length: 100 });
        yield* command.CompleteDMA(0);
        yield* client.AsyncCompletion(args.completion!, 0);
        return kIOReturnSuccess;
      },
      *after(app, port, _connect, output) {
        yield* app.mach_msg_receive(port);
        yield* app.read(output, bytes);
      },
    });
  expect(reading(101)).toEqual(['stale-output']);
  expect(reading(100)).toEqual([]);
});
