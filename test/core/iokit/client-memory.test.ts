/** facts §6: IOConnectMapMemory64, IOConnectUnmapMemory64 and CopyClientMemoryForType. */
import { describe, expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  IODMACommand,
  kIOMapAnywhere,
  kIOMapReadOnly,
  kIOMemoryDirectionInOut,
  kIOReturnBadArgument,
  kIOReturnNoMemory,
  kIOReturnSuccess,
  kIOUserClientMemoryReadOnly,
  load,
  MACH_SEND_INVALID_DEST,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  store,
  type App,
  type Program,
} from '../../../index.ts';
import { violations } from '../../support/invariants.ts';
import { obey } from '../../support/probe.ts';
import { run, runAnyhow, runs, type Setup } from '../../support/run.ts';

const size = 20_000;

/** A dext with one buffer that it hands out, with a reference of its own each time. */
class Sharing {
  buffer!: IOBufferMemoryDescriptor;
  at = 0;
  options: number | undefined = 0;

  setup<R>(app: Setup<R>['app'], more: Partial<Setup<R>> = {}): Setup<R> {
    const sharing = this;
    return {
      *start() {
        sharing.buffer = (yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, size))[1]!;
        sharing.at = (yield* sharing.buffer.GetAddressRange())[1].address;
      },
      *clientMemory() {
        yield* sharing.buffer.retain();
        return [kIOReturnSuccess, sharing.options, sharing.buffer];
      },
      app,
      ...more,
    };
  }
}

test('the memory is one: app, dext and device see each other (§6)', () => {
  const sharing = new Sharing();
  const ran = run(
    sharing.setup(
      function* (app, connect) {
        const [code, address, length] = yield* app.IOConnectMapMemory64(connect, 0);
        yield* app.memset(address, 5, 1);
        yield* app.IOConnectCallScalarMethod(connect, 0, []);
        return [code, length, ...(yield* app.load(address, 2))];
      },
      {
        *method(_args, client) {
          const [seen] = yield* load(sharing.at, 1);
          yield* store(sharing.at + 1, Uint8Array.of(seen! + 1));
          const [, command] = yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 64 });
          const [, , , [segment]] = yield* command!.PrepareForDMA(0, sharing.buffer, 0, 0);
          yield* obey(client.pci, { command: 'read', address: segment!.address, length: 2 });
          yield* command!.CompleteDMA(0);
          return 0;
        },
      },
    ),
  );
  expect(ran.result).toEqual([kIOReturnSuccess, size, 5, 6]);
  expect([...ran.deviceMemory.subarray(0, 2)]).toEqual([5, 6]);
});

describe('what fails is BadArgument for the app', () => {
  test.each<[string, NonNullable<Setup<unknown>['clientMemory']>]>([
    [
      "the dext's own error",
      function* () {
        return [kIOReturnNoMemory, 0, null];
      },
    ],
    [
      'no memory',
      function* () {
        return [kIOReturnSuccess, 0, null];
      },
    ],
  ])('%s', (_what, clientMemory) => {
    const { result } = run({
      clientMemory,
      *app(app, connect) {
        return [yield* app.IOConnectMapMemory64(connect, 0), yield* app.IOConnectUnmapMemory64(connect, 0, 0x1000)];
      },
    });
    expect(result).toEqual([[kIOReturnBadArgument, 0, 0], kIOReturnBadArgument]);
  });

  test('the method is not overridden', () => {
    const { result } = run({ app: (app, connect) => app.IOConnectMapMemory64(connect, 0) });
    expect(result[0]).toBe(kIOReturnBadArgument);
  });

  test('a closed connection is none', () => {
    const { result } = run(
      new Sharing().setup(function* (app, connect) {
        yield* app.IOServiceClose(connect);
        return (yield* app.IOConnectMapMemory64(connect, 0))[0];
      }),
    );
    expect(result).toBe(MACH_SEND_INVALID_DEST);
  });
});

describe('options', () => {
  const write = (options: number | undefined, asked = kIOMapAnywhere): string[] => {
    const sharing = new Sharing();
    sharing.options = options;
    return runAnyhow(
      sharing.setup(function* (app, connect) {
        const [, address] = yield* app.IOConnectMapMemory64(connect, 0, asked);
        yield* app.memset(address, 1, 1);
      }),
    ).findings.map(({ rule }) => rule);
  };

  test('read-only if the dext says so: a write crashes the app', () => {
    expect(write(kIOUserClientMemoryReadOnly)).toEqual(['crash']);
    expect(write(0)).toEqual([]);
  });

  test('read-only is not for the app to say: the kernel takes only options below 0x1000 from it (IOMapTypes.h:67-69)', () => {
    expect(write(0, kIOMapAnywhere | kIOMapReadOnly)).toEqual([]);
  });

  test('that the dext leaves unset are unspecified', () => {
    const sharing = new Sharing();
    sharing.options = undefined;
    const ran = runAnyhow(sharing.setup((app, connect) => app.IOConnectMapMemory64(connect, 0)));
    expect(ran.of('unspecified')).toHaveLength(1);
    expect(ran.result[0]).toBe(kIOReturnSuccess);
  });
});

describe('unmapping', () => {
  /** Maps, unmaps, unmaps, reads. */
  function* mapAndUnmap(app: App, connect: number): Program<number[]> {
    const [, address] = yield* app.IOConnectMapMemory64(connect, 0);
    const codes = [yield* app.IOConnectUnmapMemory64(connect, 0, address)];
    codes.push(yield* app.IOConnectUnmapMemory64(connect, 0, address));
    yield* app.load(address, 1);
    return codes;
  }

  test('takes the memory away; what is not mapped cannot be', () => {
    const ran = runAnyhow(new Sharing().setup(mapAndUnmap));
    expect(ran.findings.map(({ message }) => message)).toEqual([expect.stringContaining('SIGSEGV: read at')]);
    expect(ran.of('connection.unmap')).toHaveLength(1);
    expect(ran.of('refuse').map(({ call, code }) => [call, code])).toContainEqual([
      'IOConnectUnmapMemory64',
      kIOReturnBadArgument,
    ]);
  });

  test('nobody looks at the address (UC:4807, kIOMapAnywhere)', () => {
    const ran = run(
      new Sharing().setup(function* (app, connect) {
        yield* app.IOConnectMapMemory64(connect, 0);
        return yield* app.IOConnectUnmapMemory64(connect, 0, 0);
      }),
    );
    expect(ran.result).toBe(kIOReturnSuccess);
    expect(ran.of('connection.unmap')).toHaveLength(1);
  });

  test('mapped twice it is one mapping, which one unmap takes away (§2.3)', () => {
    const ran = run(
      new Sharing().setup(function* (app, connect) {
        const first = yield* app.IOConnectMapMemory64(connect, 0);
        const second = yield* app.IOConnectMapMemory64(connect, 0);
        return [second[1] - first[1], yield* app.IOConnectUnmapMemory64(connect, 0, 0)];
      }),
    );
    expect(ran.result).toEqual([0, kIOReturnSuccess]);
    expect(ran.of('mapping.again')).toHaveLength(1);
    expect([...ran.world.mappings.values()].map(({ task }) => ran.world.tasks.get(task)!.name)).toEqual(['dext']);
  });

  test('a mapping of another kind stays: read-only then, writable now', () => {
    const sharing = new Sharing();
    sharing.options = kIOUserClientMemoryReadOnly;
    const ran = run(
      sharing.setup(function* (app, connect) {
        yield* app.IOConnectMapMemory64(connect, 0);
        sharing.options = 0;
        return yield* app.IOConnectUnmapMemory64(connect, 0, 0);
      }),
    );
    expect(ran.result).toBe(kIOReturnBadArgument);
  });

  test('a dext that makes a new buffer for each call keeps the old mapping (§10 (44))', () => {
    const ran = run({
      *clientMemory() {
        return [kIOReturnSuccess, 0, (yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, size))[1]];
      },
      app: mapAndUnmap,
    });
    expect(ran.result).toEqual([kIOReturnBadArgument, kIOReturnBadArgument]);
  });
});

test('the mapping goes with the connection, and with it what only the mapping kept', () => {
  for (const ran of runs(() =>
    new Sharing().setup(function* (app, connect) {
      yield* app.IOConnectMapMemory64(connect, 0);
      yield* app.IOServiceClose(connect);
    }),
  )) {
    expect([...ran.world.mappings.values()].map(({ task }) => ran.world.tasks.get(task)!.name)).toEqual(['dext']);
    expect(violations(ran.world)).toEqual([]);
  }
});

test('the lock is held for writing while the dext answers: calls wait (§1.4)', () => {
  for (const ran of runs(() =>
    new Sharing().setup(
      function* (app, connect) {
        const thread = yield* app.pthread_create('caller', () => app.IOConnectCallScalarMethod(connect, 0, []));
        yield* app.IOConnectMapMemory64(connect, 0);
        yield* app.pthread_join(thread);
      },
      {
        *method() {
          return 0;
        },
      },
    ),
  )) {
    let inside = 0;
    for (const event of ran.events) {
      if (event.kind !== 'connection.lock' && event.kind !== 'connection.unlock') continue;
      expect(inside).toBe(event.kind === 'connection.lock' ? 0 : 1);
      inside += event.kind === 'connection.lock' ? 1 : -1;
    }
  }
});

describe('into a child process (§6: owned by the task through a port)', () => {
  /** Maps into a child, which writes through the mapping and waits; the body goes on in the parent. */
  const withChild = <R>(body: (app: App, connect: number, child: number, address: number) => Program<R>): Setup<R> =>
    new Sharing().setup(function* (app, connect) {
      const box = yield* app.mmap(8, undefined, PROT_READ | PROT_WRITE, MAP_SHARED);
      const child = yield* app.fork('child', function* () {
        let at = 0n;
        while (at === 0n) at = yield* app.atomic_load(box, 8);
        yield* app.memset(Number(at), 6, 1);
        yield* app.atomic_store(box, 0n, 8);
        while ((yield* app.atomic_load(box, 8)) === 0n) yield* app.sleep(1000);
      });
      const [code, address] = yield* app.IOConnectMapMemory64(connect, 0, kIOMapAnywhere, 0, child);
      expect(code).toBe(kIOReturnSuccess);
      yield* app.atomic_store(box, BigInt(address), 8);
      while ((yield* app.atomic_load(box, 8)) !== 0n) yield* app.sleep(1000);
      const result = yield* body(app, connect, child, address);
      yield* app.atomic_store(box, 1n, 8);
      yield* app.waitpid(child);
      return result;
    });
  const timed = { strategy: 'timed' };

  test('the memory is shared with it too', () => {
    const ran = run(
      withChild(function* (app, connect) {
        const [, own] = yield* app.IOConnectMapMemory64(connect, 0);
        return (yield* app.load(own, 1))[0];
      }),
      timed,
    );
    expect(ran.result).toBe(6);
    expect(ran.of('mapping.keep')).toHaveLength(1);
  });

  test('the mapping outlives the connection, and goes with the process', () => {
    const ran = run(
      withChild(function* (app, connect, child) {
        yield* app.IOServiceClose(connect);
        yield* app.sleep(1_000_000);
        return child;
      }),
      timed,
    );
    const kinds = ran.events.map(({ kind }) => kind);
    expect(kinds.indexOf('mapping.drop')).toBeGreaterThan(kinds.lastIndexOf('connection.state'));
    expect([...ran.world.mappings.values()].map(({ task }) => ran.world.tasks.get(task)!.name)).toEqual(['dext']);
    expect(ran.world.tasks.get(ran.result)!.entries).toEqual([]);
    expect(violations(ran.world)).toEqual([]);
  });

  test('and can be unmapped from there, not from the own process', () => {
    const ran = run(
      withChild(function* (app, connect, child) {
        const own = yield* app.IOConnectUnmapMemory64(connect, 0, 0);
        const there = yield* app.IOConnectUnmapMemory64(connect, 0, 0, child);
        return [own, there, yield* app.IOConnectUnmapMemory64(connect, 0, 0, child)];
      }),
      timed,
    );
    expect(ran.result).toEqual([kIOReturnBadArgument, kIOReturnSuccess, kIOReturnBadArgument]);
    expect(ran.of('mapping.drop')).toHaveLength(1);
  });

  test('into a process that there is not, or that has ended: BadArgument', () => {
    const ran = run(
      new Sharing().setup(function* (app, connect) {
        const child = yield* app.fork('child', function* () {});
        yield* app.waitpid(child);
        const into = function* (task: number): Program<number> {
          return (yield* app.IOConnectMapMemory64(connect, 0, kIOMapAnywhere, 0, task))[0];
        };
        return [yield* into(child), yield* into(12_345)];
      }),
    );
    expect(ran.result).toEqual([kIOReturnBadArgument, kIOReturnBadArgument]);
    expect(violations(ran.world)).toEqual([]);
  });
});

test('a service is no user client: BadArgument (§1.3)', () => {
  const { result } = run({
    *app(app) {
      const service = yield* app.IOServiceGetMatchingService('TestDriver');
      return [
        (yield* app.IOConnectMapMemory64(service, 0))[0],
        yield* app.IOConnectUnmapMemory64(service, 0, 0),
        (yield* app.IOConnectCallScalarMethod(service, 0, []))[0],
        yield* app.IOServiceClose(service),
      ];
    },
  });
  expect(result).toEqual([kIOReturnBadArgument, kIOReturnBadArgument, kIOReturnBadArgument, kIOReturnBadArgument]);
});
