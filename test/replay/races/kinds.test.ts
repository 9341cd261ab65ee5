/** Each kind of race: a smallest program that has it, and the same in order. */
import { describe, expect, test } from 'vitest';
import {
  atomic_load,
  atomic_store,
  IOBufferMemoryDescriptor,
  IODispatchQueue,
  kIODMACommandPerformOperationOptionZero,
  kIOMemoryDirectionInOut,
  KiB,
  load,
  scenario,
  sgEngine,
  store,
  type App,
  type Device,
  type DeviceModel,
  type IOMemoryMap,
  type Program,
  type Scenario,
} from '../../../index.ts';
import { kTransfer, SendClient } from '../../../examples/send-client.ts';
import { SgDriver } from '../../../examples/sg-driver.ts';
import { prepared } from '../../support/dext.ts';
import { found } from '../../support/found.ts';
import { play, type Move } from '../../support/rig.ts';
import { runAnyhow, scenarioOf, type Setup } from '../../support/run.ts';
import { none, racesOf } from '../../support/races.ts';

const always = (...rules: string[]): { rules: string[]; seeds: number } => ({ rules, seeds: 40 });

/** An app with a page-aligned buffer and a connection to the driver that moves it. */
function moving(body: (app: App, connect: number, port: number, buffer: number) => Program): Scenario {
  return scenario({
    title: 'moving',
    device: sgEngine(),
    dext: () => new SgDriver((driver) => new SendClient(driver)),
    *app(app) {
      const [, buffer] = yield* app.posix_memalign(16 * KiB, 16 * KiB);
      const [, connect] = yield* app.IOServiceOpen(yield* app.IOServiceGetMatchingService('SgDriver'));
      yield* body(app, connect, yield* app.IONotificationPortCreate(), buffer);
    },
  });
}

const size = 8 * KiB;

describe('a transfer', () => {
  /** Starts one, acts, and waits for it; or waits first. */
  const during = (input: boolean, late: boolean, act: (app: App, buffer: number) => Program): Scenario =>
    moving(function* (app, connect, port, buffer) {
      const [from, to] = input ? [size, 0] : [0, size];
      yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], buffer, from, buffer, to);
      if (!late) yield* act(app, buffer);
      yield* app.mach_msg_receive(port);
      if (late) yield* act(app, buffer);
    });
  function* writes(app: App, buffer: number): Program {
    yield* app.memset(buffer + 4 * KiB, 1, 64);
  }
  function* reads(app: App, buffer: number): Program {
    yield* app.read(buffer + 4 * KiB, 64);
  }

  test.each([
    ['late-write', true, writes],
    ['lost-update', false, writes],
    ['read-before-completion', false, reads],
  ])('%s, unless the completion has come', (rule, input, act) => {
    expect(racesOf(during(input, false, act))).toEqual(always(rule));
    expect(racesOf(during(input, true, act))).toEqual(none);
  });

  test('torn-read: when the reads have met the writes half way, and only then', () => {
    function* all(app: App, buffer: number): Program {
      for (let i = 0; i < 3; i += 1) yield* app.read(buffer, size);
    }
    const setup = during(false, false, all);
    expect(racesOf(setup)).toEqual(always('read-before-completion', 'torn-read'));
    expect(racesOf(during(false, true, all))).toEqual(none);
    // One read of one beat cannot be torn.
    expect(racesOf(during(false, false, reads)).rules).toEqual(['read-before-completion']);
  });
});

describe('device-race', () => {
  const twice = (wait: boolean): Scenario =>
    moving(function* (app, connect, port, buffer) {
      yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], 0, 0, buffer, size);
      if (wait) yield* app.mach_msg_receive(port);
      yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], 0, 0, buffer, size);
      if (!wait) yield* app.mach_msg_receive(port);
      yield* app.mach_msg_receive(port);
    });

  test('two requests in flight write the same memory', () => {
    expect(racesOf(twice(false))).toEqual(always('device-race'));
  });

  test('one after the other do not race', () => {
    expect(racesOf(twice(true))).toEqual(none);
  });
});

test('status words that are polled atomically do not race with the device that writes them', () => {
  const two = moving(function* (app, connect, port, buffer) {
    for (const at of [buffer, buffer + size])
      yield* app.IOConnectCallAsyncStructMethod(connect, kTransfer, port, [], at, size);
    for (let i = 0; i < 2; i += 1) yield* app.mach_msg_receive(port);
  });
  expect(racesOf(two)).toEqual(none);
});

/** Fetches 32 bytes at the address in register 0 when 8 is written, and sets 16 when it has them. */
const fetcher: DeviceModel = {
  name: 'fetcher',
  bars: [256],
  memory: 4 * KiB,
  engines: (device) => ({ fetch: fetch(device) }),
};

function* fetch(device: Device): Program {
  for (;;) {
    const { offset } = yield* device.nextWrite();
    if (offset !== 8) continue;
    const address = Number(yield* device.register(0, 0, 8));
    yield* device.readMemory({ request: 0, segment: 0 }, address, 32, 0);
    yield* device.setRegister(0, 16, 4, 1n);
  }
}

describe('write-during-fetch', () => {
  /** A dext that writes a descriptor, rings, and writes it again: at once, or when the device is past it. */
  const ring = (wait: boolean, again: (slot: number) => Program): Setup<void> => ({
    device: fetcher,
    *method(_, client) {
      const [, memory] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 4 * KiB);
      const [, { address }] = yield* memory!.GetAddressRange();
      const [, segments] = yield* prepared({ client }, memory!);
      yield* store(address, new Uint8Array(32));
      yield* client.pci.MemoryWrite64(0, 0, BigInt(segments[0]!.address));
      yield* client.pci.MemoryWrite32(0, 8, 1);
      if (wait) while ((yield* client.pci.MemoryRead32(0, 16)) === 0);
      yield* again(address);
      return 0;
    },
    *app(app, connect) {
      yield* app.IOConnectCallScalarMethod(connect, 0, [], 0);
    },
  });
  const plainly = (slot: number): Program => store(slot, new Uint8Array(8).fill(1)) as unknown as Program;

  test('writing a slot that the device may be fetching', () => {
    expect(racesOf(scenarioOf(ring(false, plainly)))).toEqual(always('write-during-fetch'));
  });

  test('a register that the device sets behind the fetch orders', () => {
    expect(racesOf(scenarioOf(ring(true, plainly)))).toEqual(none);
  });

  test('an atomic store is how to tell the device something', () => {
    expect(racesOf(scenarioOf(ring(false, (slot) => atomic_store(slot, 1n))))).toEqual(none);
  });
});

describe('double-fetch', () => {
  const foundIn = (moves: readonly Move[]): string[] => found(play({ moves }), { races: true, rules: [] });

  test('the dext has looked at its snapshot, the device gets what the app wrote since', () => {
    expect(foundIn(['call', 'map', 'write', 'look', 'prepare', 'read', 'complete'])).toEqual(['double-fetch']);
    expect(foundIn(['call', 'map', 'look', 'prepare', 'write', 'read', 'complete'])).toEqual(['double-fetch']);
  });

  test.each([
    ['nobody writes', ['call', 'map', 'look', 'prepare', 'read', 'complete']],
    ['the write is in the snapshot', ['call', 'write', 'map', 'look', 'prepare', 'read', 'complete']],
    ['the write comes after the device', ['call', 'map', 'look', 'prepare', 'read', 'write', 'complete']],
    ['the dext has not looked', ['call', 'map', 'write', 'prepare', 'read', 'complete', 'look']],
  ] as const)('not when %s', (_, moves) => {
    expect(foundIn(moves)).toEqual([]);
  });

  test('the report names both reads and the write', () => {
    const { findings } = runAnyhow(play({ moves: ['call', 'map', 'write', 'look', 'prepare', 'read'] }), {
      rules: ['double-fetch'],
    });
    expect(findings[0]!.message).toMatch(
      /first, {2}event \d+: dext:\S+ reads 1 bytes .* in the snapshot\n {2}written event \d+: app:main writes 64 bytes .*\n {2}then, {3}event \d+: device:probe reads 1 bytes .* live\n/,
    );
  });
});

describe('snapshot-race', () => {
  /** A second thread writes at `offset` of the buffer, while the dext maps it; or before. */
  const mapping = (offset: number, joined: boolean, zone: boolean): Setup<void> => ({
    *method(args) {
      yield* args.structureInputDescriptor!.CreateMapping(0);
      return 0;
    },
    *app(app, connect) {
      const buffer = zone ? yield* app.malloc(12 * KiB) : yield* app.mmap(16 * KiB);
      const other = yield* app.pthread_create('other', function* () {
        yield* app.store32(buffer + offset, 1);
      });
      if (joined) yield* app.pthread_join(other);
      yield* app.IOConnectCallStructMethod(connect, 0, buffer, 8 * KiB);
      if (!joined) yield* app.pthread_join(other);
    },
  });

  test.each([
    ['on write', false],
    ['eagerly', true],
  ])('a write while the memory is mapped, copied %s', (_, zone) => {
    expect(racesOf(scenarioOf(mapping(4 * KiB, false, zone)))).toEqual(always('snapshot-race'));
    expect(racesOf(scenarioOf(mapping(4 * KiB, true, zone)))).toEqual(none);
  });

  test("the page's other bytes are no part of the snapshot", () => {
    expect(racesOf(scenarioOf(mapping(8 * KiB + 4, false, false)))).toEqual(none);
  });

  test('reading the snapshot does not race with writing the memory', () => {
    let map: IOMemoryMap;
    const setup: Setup<void> = {
      method: [
        function* (args) {
          yield* args.structureInputDescriptor!.retain();
          [, map] = (yield* args.structureInputDescriptor!.CreateMapping(0)) as [number, IOMemoryMap];
          const [, queue] = yield* IODispatchQueue.Create('other');
          yield* queue.DispatchAsync(function* () {
            yield* load(map.GetAddress(), 8);
          });
          return 0;
        },
      ],
      *app(app, connect) {
        const buffer = yield* app.mmap(16 * KiB);
        yield* app.IOConnectCallStructMethod(connect, 0, buffer, 16 * KiB);
        yield* app.store32(buffer, 1);
      },
    };
    expect(racesOf(scenarioOf(setup))).toEqual(none);
  });
});

describe('data-race', () => {
  /** App and dext share a page, each under its own address; what they do with a flag in it. */
  const shared = (send: (flag: number) => Program, sees: (flag: number) => Program<boolean>): Setup<void> => ({
    *method(args, client) {
      const options = kIOMemoryDirectionInOut | 0x10;
      const range = { address: Number(args.scalarInput[0]), length: 16 * KiB };
      const [, memory] = yield* client.CreateMemoryDescriptorFromClient(options, [range]);
      const [, map] = yield* memory!.CreateMapping(0);
      const [, queue] = yield* IODispatchQueue.Create('other');
      yield* queue.DispatchAsync(function* () {
        const address = map!.GetAddress();
        if (yield* sees(address)) yield* load(address + 64, 8);
      });
      return 0;
    },
    *app(app, connect) {
      const buffer = yield* app.mmap(16 * KiB);
      yield* app.IOConnectCallScalarMethod(connect, 0, [BigInt(buffer)], 0);
      yield* app.store64(buffer + 64, 7n);
      yield* send(buffer);
    },
  });

  test('an atomic flag orders, whatever the addresses that its two sides use', () => {
    const setup = shared(
      (flag) => atomic_store(flag, 1n),
      function* (flag) {
        return (yield* atomic_load(flag)) === 1n;
      },
    );
    expect(racesOf(scenarioOf(setup))).toEqual(none);
  });

  test('a plain flag does not', () => {
    const setup = shared(
      function* (flag) {
        yield* store(flag, Uint8Array.of(1));
      },
      function* (flag) {
        return (yield* load(flag, 1))[0] === 1;
      },
    );
    expect(racesOf(scenarioOf(setup))).toEqual(always('data-race'));
  });

  test('a heap block that is handed out again is behind its first owner', () => {
    const reuse = moving(function* (app) {
      function* owner(): Program {
        for (let i = 0; i < 3; i += 1) {
          const block = yield* app.malloc(64);
          yield* app.store32(block, 1);
          yield* app.free(block);
        }
      }
      const other = yield* app.pthread_create('other', owner);
      yield* owner();
      yield* app.pthread_join(other);
    });
    expect(racesOf(reuse)).toEqual(none);
  });
});

test('PerformOperation is an access by a CPU', () => {
  const zeroing = (late: boolean): Scenario =>
    scenarioOf({
      *method(args, client) {
        const [command] = yield* prepared({ client }, args.structureOutputDescriptor!);
        yield* command.PerformOperation(kIODMACommandPerformOperationOptionZero, 0, 64, 0, null);
        yield* command.release();
        return 0;
      },
      *app(app, connect) {
        const output = yield* app.mmap(size);
        const writes = (): Program => app.memset(output, 1, 64);
        const early = late ? undefined : yield* app.pthread_create('other', writes);
        yield* app.IOConnectCallStructMethod(connect, 0, 0, 0, output, size);
        yield* app.pthread_join(early ?? (yield* app.pthread_create('other', writes)));
      },
    });
  expect(racesOf(zeroing(false))).toEqual(always('data-race'));
  expect(racesOf(zeroing(true))).toEqual(none);
});
