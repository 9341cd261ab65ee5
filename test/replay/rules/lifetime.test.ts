/** Rules about when memory and clients end: what each finds, and the nearest thing that is right. */
import { expect, test } from 'vitest';
import unlocked from '../../../examples/bugs/22-unlocked-prepare.ts';
import {
  IOBufferMemoryDescriptor,
  IODispatchQueue,
  kIOMemoryDirectionInOut,
  kIOReturnSuccess,
  KiB,
  mustNotBeNull,
  record,
  type App,
  type IODMACommand,
  type IOMemoryDescriptor,
  type Program,
} from '../../../index.ts';
import { commandFor, prepared } from '../../support/dext.ts';
import { found } from '../../support/found.ts';
import { done, obey, order } from '../../support/probe.ts';
import type { Method, Setup, TestClient } from '../../support/run.ts';

const size = 16 * KiB;

/** A dext that keeps a struct input and a command from one call to the next. */
interface Kept {
  memory: IOMemoryDescriptor;
  command: IODMACommand;
  address: number;
}

interface Life {
  /** What the methods do, from selector 0 on; the first one is called with the buffer. */
  readonly methods: readonly ((kept: Kept, client: TestClient) => Program)[];
  readonly app: (app: App, buffer: number, call: (selector: number) => Program) => Program;
  readonly allocate?: (app: App) => Program<number>;
  readonly stop?: (kept: Kept, client: TestClient) => Program;
  readonly afterStop?: (kept: Kept, client: TestClient) => Program;
}

function lifeOf({ methods, app: play, allocate, stop, afterStop }: Life): Setup<void> {
  const kept = {} as Kept;
  const method = methods.map(
    (one): Method =>
      function* (args, client) {
        if (args.structureInputDescriptor !== null) {
          kept.memory = args.structureInputDescriptor;
          yield* kept.memory.retain();
        }
        yield* one(kept, client);
        return kIOReturnSuccess;
      },
  );
  return {
    method,
    *app(app, connect) {
      const buffer = allocate === undefined ? yield* app.mmap(size) : yield* allocate(app);
      yield* play(app, buffer, function* (selector) {
        const [input, length] = selector === 0 ? [buffer, size] : [0, 0];
        yield* app.IOConnectCallStructMethod(connect, selector, input, length);
      });
    },
    ...(stop && { stop: (client: TestClient) => stop(kept, client) }),
    ...(afterStop && { afterStop: (client: TestClient) => afterStop(kept, client) }),
  };
}

const rulesOf = (life: Life): string[] => found(lifeOf(life));

function* nothing(): Program {}
function* prepare(kept: Kept, client: TestClient): Program {
  const [command, segments] = yield* prepared({ client }, kept.memory);
  Object.assign(kept, { command, address: segments[0]!.address });
}
function* reads({ address }: Kept, { pci }: TestClient): Program {
  yield* obey(pci, { command: 'read', address, length: 64 });
}
function* drop({ command, memory }: Kept): Program {
  yield* command.CompleteDMA(0);
  yield* command.release();
  yield* memory.release();
}
function* release({ memory }: Kept): Program {
  yield* memory.release();
}

const heap = (app: App): Program<number> =>
  (function* () {
    return (yield* app.posix_memalign(16 * KiB, size))[1];
  })();

test('use-after-free: the device works on a freed block; before free, or after CompleteDMA, is right', () => {
  const methods = [prepare, reads, drop];
  const play = (moves: readonly ('free' | 'malloc' | 'reads' | 'drop')[]): string[] =>
    rulesOf({
      methods,
      allocate: heap,
      *app(app, buffer, call) {
        yield* call(0);
        for (const move of moves) {
          if (move === 'free') yield* app.free(buffer);
          else if (move === 'malloc') yield* app.posix_memalign(16 * KiB, size);
          else yield* call(move === 'reads' ? 1 : 2);
        }
      },
    });
  expect(play(['free', 'reads', 'drop'])).toEqual(['use-after-free']);
  expect(play(['free', 'malloc', 'reads', 'drop'])).toEqual(['use-after-free']);
  expect(play(['reads', 'free', 'drop'])).toEqual([]);
  expect(play(['reads', 'drop', 'free'])).toEqual([]);
});

test('use-after-free: freed after the call and before the prepare', () => {
  const play = (frees: boolean): string[] =>
    rulesOf({
      methods: [nothing, prepare, reads, drop],
      allocate: heap,
      *app(app, buffer, call) {
        yield* call(0);
        if (frees) yield* app.free(buffer);
        for (const selector of [1, 2, 3]) yield* call(selector);
      },
    });
  expect(play(true)).toEqual(['use-after-free']);
  expect(play(false)).toEqual([]);
});

test('remapped-before-resolve: unmapped between the call and the first prepare; after the prepare it is something else', () => {
  const play = (when: 'before' | 'after' | 'never', again: boolean): string[] =>
    rulesOf({
      methods: [
        nothing,
        function* (kept, client) {
          kept.command = yield* commandFor({ client });
          yield* kept.command.PrepareForDMA(0, kept.memory, 0, 0);
        },
        function* (kept) {
          yield* kept.command.release();
          yield* kept.memory.release();
        },
      ],
      *app(app, buffer, call) {
        function* unmaps(): Program {
          yield* app.munmap(buffer, size);
          if (again) yield* app.mmap(size, buffer);
        }
        yield* call(0);
        if (when === 'before') yield* unmaps();
        yield* call(1);
        if (when === 'after') yield* unmaps();
        yield* call(2);
      },
    });
  expect(play('before', true)).toEqual(['remapped-before-resolve']);
  expect(play('before', false)).toEqual(['remapped-before-resolve']);
  expect(play('after', true)).toEqual([]);
  expect(play('never', false)).toEqual([]);
});

test('stale-snapshot: mapped again after a write; without a write, or mapped once, is right', () => {
  function* maps({ memory }: Kept): Program {
    yield* (yield* memory.CreateMapping(0))[1]!.release();
  }
  const play = (selectors: readonly number[], writes: boolean): string[] =>
    rulesOf({
      methods: [maps, maps, release],
      *app(app, buffer, call) {
        yield* app.memset(buffer, 1, 64);
        for (const selector of selectors) {
          yield* call(selector);
          if (writes) yield* app.memset(buffer, 2, 64);
        }
      },
    });
  expect(play([0, 1, 2], true)).toEqual(['stale-snapshot']);
  expect(play([0, 1, 2], false)).toEqual([]);
  expect(play([0, 2], true)).toEqual([]);
});

test("leaked-preparation: left prepared for good; given back in Stop, or the driver's own buffer, is right", () => {
  const app: Life['app'] = (_app, _buffer, call) => call(0);
  expect(rulesOf({ methods: [prepare], app })).toEqual(['leaked-preparation']);
  expect(rulesOf({ methods: [prepare], app, stop: drop })).toEqual([]);
  const own: Setup<void> = {
    *start(driver) {
      const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, size);
      yield* prepared({ client: driver as unknown as TestClient }, buffer!);
    },
    app: nothing,
  };
  expect(found(own)).toEqual([]);
});

test('kept-past-stop: prepared after super::Stop; before it is right', () => {
  const app: Life['app'] = (_app, _buffer, call) => call(0);
  function* whole(kept: Kept, client: TestClient): Program {
    yield* prepare(kept, client);
    yield* drop(kept);
  }
  // The process may be gone by then, and with it what the descriptor names.
  function* maps({ memory }: Kept): Program {
    yield* memory.CreateMapping(0);
    yield* memory.release();
  }
  expect(rulesOf({ methods: [maps], app, stop: nothing })).toEqual([]);
  expect(rulesOf({ methods: [prepare], app, stop: drop })).toEqual([]);
  const late: Life = {
    methods: [
      function* ({ memory }) {
        yield* (yield* memory.CreateMapping(0))[1]!.release();
      },
    ],
    app,
    afterStop: whole,
  };
  expect(rulesOf(late)).toEqual(['kept-past-stop']);
  expect(rulesOf({ ...late, stop: whole, afterStop: nothing })).toEqual([]);
});

test('kept-past-stop: the device is told to work on it after super::Stop', () => {
  expect(
    rulesOf({
      methods: [prepare],
      app: (_app, _buffer, call) => call(0),
      *afterStop(kept, client) {
        yield* reads(kept, client);
        yield* drop(kept);
      },
    }),
  ).toEqual(['kept-past-stop']);
});

test('stop-while-running: super::Stop with a transfer under way; waiting for its status first is right', () => {
  function* starts({ address }: Kept, { pci }: TestClient): Program {
    yield* order(pci, { command: 'read', address, length: size });
  }
  function* waits(_kept: Kept, { pci }: TestClient): Program {
    yield* done(pci);
  }
  const life = (waitsFirst: boolean): Life => ({
    methods: [prepare, starts],
    *app(_app, _buffer, call) {
      yield* call(0);
      yield* call(1);
    },
    *stop(kept, client) {
      if (waitsFirst) yield* waits(kept, client);
    },
    *afterStop(kept, client) {
      if (!waitsFirst) yield* waits(kept, client);
      yield* drop(kept);
    },
  });
  const seeds = Array.from({ length: 20 }, (_, seed) => seed);
  const rules = (waitsFirst: boolean): Set<string> =>
    new Set(seeds.flatMap((seed) => found(lifeOf(life(waitsFirst)), { seed })));
  expect([...rules(false)]).toEqual(['stop-while-running']);
  expect([...rules(true)]).toEqual([]);
});

test('dext-died-in-dma: the dext crashes while the device works; crashing before is only a crash', () => {
  const dies = (works: boolean): Setup<void> => ({
    *method(args, client) {
      const [, segments] = yield* prepared({ client }, args.structureInputDescriptor!);
      if (works) yield* order(client.pci, { command: 'read', address: segments[0]!.address, length: size });
      return mustNotBeNull<number>(null, 'a pointer');
    },
    *app(app, connect) {
      yield* app.IOConnectCallStructMethod(connect, 0, yield* app.mmap(size), size);
    },
  });
  const rules = (works: boolean): Set<string> =>
    new Set(Array.from({ length: 8 }, (_, seed) => found(dies(works), { seed })).flat());
  expect(rules(true)).toContain('dext-died-in-dma');
  expect(rules(false)).not.toContain('dext-died-in-dma');
});

test('unlocked-prepare: two queues prepare one struct argument; one queue, or a locked descriptor, is right', () => {
  const both = (queues: 1 | 2, locked: boolean): Setup<void> => {
    let second: IODispatchQueue;
    return {
      *start() {
        [, second] = yield* IODispatchQueue.Create('second');
      },
      *method(args, client) {
        const memory = args.structureInputDescriptor!;
        const range = { address: Number(args.scalarInput[0]), length: 64 * KiB };
        const shared = locked ? (yield* client.CreateMemoryDescriptorFromClient(2, [range]))[1]! : memory;
        function* use(): Program {
          const [command] = yield* prepared({ client }, shared);
          yield* command.CompleteDMA(0);
        }
        if (queues === 1) {
          yield* use();
          yield* use();
        } else {
          yield* shared.retain();
          yield* second.DispatchAsync(function* () {
            yield* use();
            yield* shared.release();
          });
          yield* use();
        }
        return kIOReturnSuccess;
      },
      *app(app, connect) {
        const buffer = yield* app.mmap(64 * KiB);
        yield* app.IOConnectCallMethod(connect, 0, [BigInt(buffer)], buffer, 64 * KiB, 0, 0, 0);
      },
    };
  };
  const rules = (queues: 1 | 2, locked: boolean): Set<string> =>
    new Set(Array.from({ length: 8 }, (_, seed) => found(both(queues, locked), { seed })).flat());
  expect(rules(2, false)).toContain('unlocked-prepare');
  expect(rules(1, false)).not.toContain('unlocked-prepare');
  expect(rules(2, true)).not.toContain('unlocked-prepare');
});

test('unlocked-prepare: is found whenever pages stay wired for nobody', () => {
  const rules = Array.from({ length: 60 }, (_, seed) => record(unlocked, { seed }).findings.map(({ rule }) => rule));
  const wrong = rules.filter((all) => all.includes('check'));
  expect(wrong.length).toBeGreaterThan(5);
  for (const all of wrong) expect(all).toContain('unlocked-prepare');
});

test('null-argument: a struct that came as NULL is used; checking for it is right, and a mistake elsewhere is none', () => {
  const passes = (length: number, checks: boolean): string[] =>
    found({
      *method(args) {
        if (checks && args.structureInputDescriptor === null) return kIOReturnSuccess;
        yield* args.structureInputDescriptor!.GetLength();
        return kIOReturnSuccess;
      },
      *app(app, connect) {
        yield* app.IOConnectCallStructMethod(connect, 0, 0, length);
      },
    });
  expect(passes(8 * KiB, false)).toEqual(['null-argument']);
  expect(passes(8 * KiB, true)).toEqual([]);
  expect(passes(0, false)).toEqual(['program-error']);
});
