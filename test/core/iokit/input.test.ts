/** facts §1.3 "Argument corner cases", row by row, and §1.1 (2): where copying ends and describing begins. */
import { describe, expect, test } from 'vitest';
import {
  IODMACommand,
  kIOReturnCannotWire,
  kIOReturnError,
  KiB,
  MIG_ARRAY_TOO_LARGE,
  type App,
  type MachineOptions,
  type Program,
} from '../../../index.ts';
import { run, runAnyhow, type Method } from '../../support/run.ts';

interface Seen {
  readonly inline: number[] | null;
  readonly descriptor: number | null;
}

/** What the dext sees of a struct input. */
function seenOf(
  input: (app: App) => Program<[address: number, size: number]>,
  machine: Partial<MachineOptions> = {},
): Seen | undefined {
  let seen: Seen | undefined;
  run({
    machine,
    *app(app, connect) {
      const [address, size] = yield* input(app);
      yield* app.IOConnectCallStructMethod(connect, 0, address, size);
    },
    *method(args) {
      const length =
        args.structureInputDescriptor === null ? null : (yield* args.structureInputDescriptor.GetLength())[1];
      const data = args.structureInput;
      seen = { inline: data === null ? null : [...data.getBytesNoCopy()], descriptor: length };
      return 0;
    },
  });
  return seen;
}

/** A buffer whose bytes tell where they are. */
function* buffer(app: App, size: number): Program<number> {
  const address = yield* app.malloc(size + 64);
  yield* app.write(
    address,
    Uint8Array.from({ length: size }, (_, i) => i % 251),
  );
  return address;
}

const counting = (size: number): number[] => Array.from({ length: size }, (_, i) => i % 251);

describe.each([4 * KiB, 16 * KiB])('pages of %i bytes', (pageSize) => {
  test.each([0, 1, 4095, 4096])('%i bytes travel by copy', (size) => {
    const seen = seenOf(
      function* (app) {
        return [yield* buffer(app, size), size];
      },
      { pageSize },
    );
    expect(seen).toEqual({ inline: size === 0 ? null : counting(size), descriptor: null });
  });

  test.each([4097, 16384, 16385])('%i bytes travel as a descriptor of exactly that length', (size) => {
    const seen = seenOf(
      function* (app) {
        return [yield* buffer(app, size), size];
      },
      { pageSize },
    );
    expect(seen).toEqual({ inline: null, descriptor: size });
  });
});

test('size 0 with any pointer: neither', () => {
  const nowhere = seenOf(function* () {
    return [0xdead_0000, 0];
  });
  const nothing = seenOf(function* () {
    return [0, 0];
  });
  expect([nowhere, nothing]).toEqual([
    { inline: null, descriptor: null },
    { inline: null, descriptor: null },
  ]);
});

test('more than 4096 bytes at NULL: both NULL, and the call still arrives', () => {
  const seen = seenOf(function* () {
    return [0, 4097];
  });
  expect(seen).toEqual({ inline: null, descriptor: null });
});

test('a length beyond physical memory: both NULL, and the call still arrives', () => {
  const seen = seenOf(function* (app) {
    return [yield* app.malloc(64), 2 ** 46];
  });
  expect(seen).toEqual({ inline: null, descriptor: null });
});

test('address plus length beyond the address space: both NULL, and the call still arrives', () => {
  const seen = seenOf(function* () {
    return [2 ** 47 - 4096, 8192];
  });
  expect(seen).toEqual({ inline: null, descriptor: null });
});

test('1 to 4096 bytes at NULL crash the app, not the dext', () => {
  const ran = runAnyhow({
    *app(app, connect) {
      yield* app.IOConnectCallStructMethod(connect, 0, 0, 4096);
    },
  });
  expect(ran.findings.map(({ rule }) => rule)).toEqual(['crash']);
  expect(ran.findings[0]!.message).toContain(
    'app:main crashed: SIGSEGV: IOConnectCallMethod copies 4096 bytes from NULL',
  );
  expect(ran.of('queue.enqueue').filter(({ method }) => method === 'ExternalMethod')).toEqual([]);
});

test('an unmapped address: no error at the call; CreateMapping fails with Error, PrepareForDMA with CannotWire', () => {
  const codes: number[] = [];
  const { result } = run({
    *app(app, connect) {
      const address = yield* app.mmap(32 * KiB);
      yield* app.munmap(address, 32 * KiB);
      return yield* app.IOConnectCallStructMethod(connect, 0, address, 32 * KiB);
    },
    *method(args, client) {
      const memory = args.structureInputDescriptor!;
      codes.push((yield* memory.GetLength())[1]);
      const [, command] = yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 64 });
      codes.push((yield* command!.PrepareForDMA(0, memory, 0, 0))[0]);
      codes.push((yield* memory.CreateMapping(0))[0]);
      return 0;
    },
  });
  expect(result).toEqual([0, 0]);
  expect(codes).toEqual([32 * KiB, kIOReturnCannotWire, kIOReturnError]);
});

test('a range whose last page alone is unmapped cannot be wired, and leaves nothing wired', () => {
  let code = 0;
  const ran = run({
    *app(app, connect) {
      const address = yield* app.mmap(64 * KiB);
      yield* app.munmap(address + 48 * KiB, 16 * KiB);
      yield* app.IOConnectCallStructMethod(connect, 0, address, 64 * KiB);
    },
    *method(args, client) {
      const [, command] = yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 64 });
      [code] = yield* command!.PrepareForDMA(0, args.structureInputDescriptor, 0, 0);
      return 0;
    },
  });
  expect(code).toBe(kIOReturnCannotWire);
  expect(ran.of('page.wire')).toHaveLength(3);
  expect(ran.of('page.unwire')).toHaveLength(3);
  expect([...ran.world.frames.values()].every(({ wires }) => wires === 0)).toBe(true);
});

test('an unaligned address keeps its offset in the page: in the mapping and in the first segment', () => {
  let offsets: number[] = [];
  const method: Method = function* (args, client) {
    const memory = args.structureInputDescriptor!;
    const [, map] = yield* memory.CreateMapping(0);
    const [, command] = yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 64 });
    const [, , , segments] = yield* command!.PrepareForDMA(0, memory, 0, 0);
    offsets = [
      map!.GetAddress() % (16 * KiB),
      map!.GetLength(),
      segments[0]!.address % (16 * KiB),
      segments[0]!.length,
    ];
    yield* command!.CompleteDMA(0);
    return 0;
  };
  run({
    method,
    *app(app, connect) {
      const address = yield* app.mmap(64 * KiB);
      yield* app.IOConnectCallStructMethod(connect, 0, address + 0x123, 20_000);
    },
  });
  expect(offsets).toEqual([0x123, 20_000, 0x123, 20_000]);
});

test('16 scalars are the most in each direction', () => {
  const counts: number[] = [];
  const { result } = run({
    *app(app, connect) {
      const scalars = (count: number): bigint[] => Array.from({ length: count }, (_, i) => BigInt(i));
      const good = yield* app.IOConnectCallScalarMethod(connect, 0, scalars(16), 16);
      const tooMany = yield* app.IOConnectCallScalarMethod(connect, 0, scalars(17), 0);
      const tooManyBack = yield* app.IOConnectCallScalarMethod(connect, 0, [], 17);
      return [good[0], tooMany[0], tooManyBack[0]];
    },
    *method(args) {
      counts.push(args.scalarInputCount, args.scalarOutputCount);
      return 0;
    },
  });
  expect(result).toEqual([0, MIG_ARRAY_TOO_LARGE, MIG_ARRAY_TOO_LARGE]);
  expect(counts).toEqual([16, 16]);
});
