/** facts §3.5 and OSObject: who keeps an object, also while another queue lets go of it. */
import { describe, expect, test } from 'vitest';
import {
  IODispatchQueue,
  IOInterruptDispatchSource,
  kIOMemoryDirectionInOut,
  kIOMemoryDisableCopyOnWrite,
  KiB,
  type IODMACommand,
  type IOMemoryDescriptor,
  type Program,
} from '../../../index.ts';
import { commandFor, inDext, prepared, wires } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';
import { runAnyhow, runs, type Method, type Ran, type TestClient } from '../../support/run.ts';

/** A descriptor of the dext's own over the app's memory; the dext has its only reference. */
function* ownMemory(client: TestClient, address: bigint): Program<IOMemoryDescriptor> {
  const options = kIOMemoryDirectionInOut | kIOMemoryDisableCopyOnWrite;
  const [, memory] = yield* client.CreateMemoryDescriptorFromClient(options, [
    { address: Number(address), length: 48 * KiB },
  ]);
  return memory!;
}

/** Runs the method once, with the address of 48 KiB of the app as its scalar. */
function once(method: Method, seed = 1): Ran<unknown> {
  return runAnyhow(
    {
      method,
      *app(app, connect) {
        const buffer = yield* app.mmap(48 * KiB);
        yield* app.IOConnectCallMethod(connect, 0, [BigInt(buffer)], buffer, 48 * KiB, 0, 0, 0);
      },
    },
    { seed },
  );
}

const messages = (ran: Ran<unknown>): string[] =>
  ran.findings.map(({ rule, message }) => `${rule}: ${message.replace(/#\d+/, '#n').replace(/ \(.*$/, '')}`);

describe('after the last release', () => {
  const gone = (what: string): string[] => [
    `use-after-release: dext:TestClient crashed: EXC_BAD_ACCESS: use of ${what} #n after its last release; keep it with retain()`,
  ];

  test.each<[string, Method, string]>([
    [
      'CreateMapping',
      function* (args, client) {
        const memory = yield* ownMemory(client, args.scalarInput[0]!);
        yield* memory.release();
        return (yield* memory.CreateMapping(0))[0];
      },
      'IOMemoryDescriptor',
    ],
    [
      'PrepareForDMA with memory that is gone',
      function* (args, client) {
        const memory = yield* ownMemory(client, args.scalarInput[0]!);
        const command = yield* commandFor({ client });
        yield* memory.release();
        return (yield* command.PrepareForDMA(0, memory, 0, 0))[0];
      },
      'IOMemoryDescriptor',
    ],
    [
      'GetPreparation',
      function* (_, client) {
        const command = yield* commandFor({ client });
        yield* command.release();
        return (yield* command.GetPreparation())[0];
      },
      'IODMACommand',
    ],
    [
      'a second release',
      function* (args, client) {
        const memory = yield* ownMemory(client, args.scalarInput[0]!);
        yield* memory.release();
        yield* memory.release();
        return 0;
      },
      'IOMemoryDescriptor',
    ],
  ])('%s crashes the dext', (_name, method, what) => {
    expect(messages(once(method))).toEqual(gone(what));
  });

  test('struct arguments are gone after the call', () => {
    let kept: IOMemoryDescriptor;
    const ran = runAnyhow({
      method: [
        function* (args) {
          kept = args.structureInputDescriptor!;
          return 0;
        },
        function* () {
          return (yield* kept.GetLength())[0];
        },
      ],
      *app(app, connect) {
        const buffer = yield* app.mmap(48 * KiB);
        yield* app.IOConnectCallStructMethod(connect, 0, buffer, 48 * KiB);
        yield* app.IOConnectCallStructMethod(connect, 1, 0, 0);
      },
    });
    expect(messages(ran)).toEqual(gone('IOMemoryDescriptor'));
  });

  test('nothing is left: a mapping keeps its descriptor, and that its memory, until the last of them goes', () => {
    const ran = inDext(function* (inside) {
      const memory = yield* ownMemory(inside.client, BigInt(inside.address));
      const [, map] = yield* memory.CreateMapping(0);
      const [command] = yield* prepared(inside, memory);
      yield* memory.release();
      yield* command.release();
      yield* map!.release();
      return memory.id;
    });
    expect(ran.world.references.has(ran.result)).toBe(false);
    expect(ran.world.frames.size).toBe(0);
  });
});

describe('a call into the kernel keeps what it was given', () => {
  /** One queue uses the object while the other lets go of the dext's only reference. */
  function race(use: (memory: IOMemoryDescriptor, command: IODMACommand) => Program<unknown>): void {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const ran = once(function* (args, client) {
        const memory = yield* ownMemory(client, args.scalarInput[0]!);
        const command = yield* commandFor({ client });
        const [, other] = yield* IODispatchQueue.Create('other');
        yield* other.DispatchAsync(function* () {
          yield* use(memory, command);
        });
        yield* memory.release();
        yield* other.DispatchSync(function* () {});
        yield* command.release();
        return 0;
      }, seed);
      const said = messages(ran);
      // Either the use came too late, or it was finished in peace.
      if (said.length > 0)
        expect(said[0]).toMatch(/^use-after-release: dext:other crashed: EXC_BAD_ACCESS: use of IOMemoryDescriptor #n/);
      else expect([wires(ran), ran.world.descriptors.size, ran.world.commands.size]).toEqual([[], 0, 0]);
      outcomes.add(said.length > 0 ? 'too late' : 'in peace');
    }
    expect(outcomes).toEqual(new Set(['too late', 'in peace']));
  }

  test('PrepareForDMA', () => {
    race((memory, command) => command.PrepareForDMA(0, memory, 0, 0));
  });

  test('CreateMapping', () => {
    race(function* (memory) {
      const [, map] = yield* memory.CreateMapping(0);
      yield* map!.release();
    });
  });
});

test('two queues that map the same struct input at the same time share one snapshot', () => {
  const mechanisms = new Set<string>();
  for (const size of [12 * KiB, 48 * KiB]) {
    for (const ran of runs(
      () => ({
        machine: { pageSize: 4 * KiB },
        *method(args) {
          const memory = args.structureInputDescriptor!;
          const [, other] = yield* IODispatchQueue.Create('other');
          const codes: number[] = [];
          function* map(): Program {
            codes.push((yield* memory.CreateMapping(0))[0]);
          }
          yield* other.DispatchAsync(map);
          yield* map();
          yield* other.DispatchSync(function* () {});
          expect(codes).toEqual([0, 0]);
          return 0;
        },
        *app(app, connect) {
          const buffer = yield* app.malloc(size);
          yield* app.memset(buffer, 1, 64);
          yield* app.IOConnectCallStructMethod(connect, 0, buffer, size);
        },
      }),
      20,
    )) {
      expect(ran.of('descriptor.snapshot')).toHaveLength(1);
      mechanisms.add(ran.of('descriptor.snapshot')[0]!.mechanism);
    }
  }
  expect(mechanisms).toEqual(new Set(['eager', 'delayed']));
});

test('an interrupt source that is freed while its handler waits on the queue calls nobody', () => {
  let calls = 0;
  const ran = once(function* (_, client) {
    const [, queue] = yield* IODispatchQueue.Create('interrupts');
    const [, source] = yield* IOInterruptDispatchSource.Create(client.pci, 0, queue);
    yield* source.SetHandler(function* () {
      calls += 1;
    });
    yield* source.SetEnable(true);
    yield* queue.DispatchSync(function* () {
      yield* obey(client.pci, { command: 'interrupt', count: 1 });
      yield* source.release();
    });
    yield* queue.DispatchSync(function* () {});
    return 0;
  });
  expect(messages(ran)).toEqual([]);
  expect(ran.of('source.queue')).toHaveLength(1);
  expect(calls).toBe(0);
});
