/** Memory that is bounced (facts §4.6): what address-too-high finds, and what the other rules make of bounce pages. */
import { describe, expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  kIODMACommandPerformOperationOptionWrite,
  kIOMemoryDirectionInOut,
  kIOMemoryDisableCopyOnWrite,
  KiB,
  load,
  memset,
  MiB,
  type IODMACommand,
  type IOMemoryDescriptor,
  type Program,
} from '../../../index.ts';
import type { Range } from '../../../core/iokit/state.ts';
import { commandFor, type Inside } from '../../support/dext.ts';
import { found } from '../../support/found.ts';
import { once, type Once } from '../../support/once.ts';
import { done, obey, order } from '../../support/probe.ts';
import { runAnyhow } from '../../support/run.ts';

const machine = { mapper: 'none', pageSize: 4 * KiB } as const;
const size = 8 * KiB;

const of = (dext: Once['dext'], rest: Omit<Once, 'dext'> = {}): ReturnType<typeof once> =>
  once({ dext, size, machine, ...rest });
const rulesOf = (dext: Once['dext'], rest: Omit<Once, 'dext'> = {}): string[] => found(of(dext, rest));
const storyOf = (dext: Once['dext']): string =>
  runAnyhow(of(dext), { rules: ['address-too-high'] }).findings[0]!.message.replaceAll(/#?\b\d+\b|0x\w+/g, 'n');

/** Prepares it for 32 bits, does as told with it and where the dext has it mapped, and completes. */
function* with32(
  inside: Inside,
  memory: IOMemoryDescriptor,
  body: (address: number, at: number, command: IODMACommand) => Program,
): Program {
  const [, map] = yield* memory.CreateMapping(0);
  const command = yield* commandFor(inside, 32);
  const [, , , segments] = yield* command.PrepareForDMA(0, memory, 0, 0);
  yield* body(segments[0]!.address, map!.GetAddress(), command);
  yield* command.CompleteDMA(0);
  yield* command.release();
}

/** The app's input, which device and dext share with it. */
function* shared({ client, address }: Inside): Program<IOMemoryDescriptor> {
  const options = kIOMemoryDirectionInOut | kIOMemoryDisableCopyOnWrite;
  return (yield* client.CreateMemoryDescriptorFromClient(options, [{ address, length: size }]))[1]!;
}

/** Has the device read or write 64 bytes. */
function* device({ client: { pci } }: Inside, command: 'read' | 'write', address: number): Program {
  yield* obey(pci, { command: 'fill', length: 64, local: 128, count: 9 });
  yield* obey(pci, { command, address, length: 64, local: 128 });
}

describe('address-too-high', () => {
  const stores = (value: number, body: (inside: Inside, address: number, at: number, c: IODMACommand) => Program) =>
    function* (inside: Inside): Program {
      yield* with32(inside, yield* shared(inside), function* (address, at, command) {
        yield* memset(at + 16, value, 8);
        yield* body(inside, address, at, command);
      });
    };
  const reads = (inside: Inside, address: number): Program => device(inside, 'read', address);

  test('the device reads bytes that were stored after the prepare', () => {
    expect(rulesOf(stores(1, reads))).toEqual(['address-too-high']);
    expect(storyOf(stores(1, reads))).toMatch(
      /^device:probe reads old bytes: byte n of what command n has prepared\n {2}event n: dext:TestClient prepared it with descriptor n \(n\+n of app, direction in-out\); with n address bits and no mapper, bounce pages stand for what lies at n and above\n {2}event n: dext:TestClient stored the new one afterwards, in the memory\n {2}event n: device:probe reads n bytes at bus address n \(request n segment n\), in a bounce page, and gets the old one\n {2}Give maxAddressBits/,
    );
  });

  test('not when it reads other bytes, or the store changed nothing, or PerformOperation put them there', () => {
    // Unless they are seen before, stores of other bytes are lost.
    const elsewhere = stores(0, (inside, address) => reads(inside, address + 64));
    expect(rulesOf(elsewhere)).toEqual([]);
    expect(rulesOf(stores(0, reads))).toEqual([]);
    const performs = stores(1, function* (inside, address, _at, command) {
      const [, data] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 8);
      const [, { address: from }] = yield* data!.GetAddressRange();
      yield* memset(from, 1, 8);
      yield* command.PerformOperation(kIODMACommandPerformOperationOptionWrite, 16, 8, 0, data);
      yield* reads(inside, address);
    });
    expect(rulesOf(performs)).toEqual([]);
  });

  test('a store is undone by the copy in, unless the device has written there', () => {
    const nothing = stores(1, function* () {});
    expect(rulesOf(nothing)).toEqual(['address-too-high']);
    expect(storyOf(nothing)).toMatch(
      /^a store of dext:TestClient is undone: byte n of .*\n.*\n {2}event n: dext:TestClient stored there afterwards, in the memory\n {2}event n: what the bounce page holds is copied over it; the device has not written there\n/,
    );
    expect(rulesOf(stores(1, (inside, address) => device(inside, 'write', address)))).toEqual([]);
  });

  test('somebody reads what the device has written before CompleteDMA; afterwards is right', () => {
    const looks = (late: boolean, from: number) =>
      function* (inside: Inside): Program {
        const memory = yield* shared(inside);
        const [, map] = yield* memory.CreateMapping(0);
        yield* with32(inside, memory, function* (address) {
          yield* device(inside, 'write', address);
          if (!late) yield* load(map!.GetAddress() + from, 8);
        });
        if (late) yield* load(map!.GetAddress() + from, 8);
      };
    expect(rulesOf(looks(false, 63))).toEqual(['address-too-high']);
    expect(storyOf(looks(false, 63))).toMatch(
      /^dext:TestClient reads old bytes: byte n of .*\n.*\n {2}event n: the device wrote the new one into a bounce page, from where CompleteDMA copies it\n {2}event n: dext:TestClient loads the old one before that\n/,
    );
    expect(rulesOf(looks(false, 64))).toEqual([]);
    expect(rulesOf(looks(true, 0))).toEqual([]);
  });

  test('a prepare that fails for the address bits', () => {
    const fails = (bits: number, which: 'input' | 'output') =>
      function* (inside: Inside): Program {
        yield* (yield* commandFor(inside, bits)).PrepareForDMA(0, inside[which], 0, 0);
      };
    expect(rulesOf(fails(20, 'input'))).toEqual(['address-too-high']);
    expect(storyOf(fails(20, 'output'))).toMatch(
      /returns kIOReturnMessageTooLarge: command n has n address bits, and for .* it lies higher, and so do the bounce pages that there are; what these hold is copied over it\n/,
    );
    expect(storyOf(fails(20, 'input'))).not.toMatch(/copied/);
    const exhausts = function* (inside: Inside): Program {
      const ranges = Array.from({ length: 32 }, () => ({ address: inside.address, length: 1 * MiB + 4 * KiB }));
      const [, most] = yield* inside.client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionInOut, ranges);
      yield* (yield* commandFor(inside, 32)).PrepareForDMA(0, most, 0, 0);
    };
    const { findings } = runAnyhow(of(exhausts, { size: 1 * MiB + 4 * KiB }), { rules: ['address-too-high'] });
    expect(findings[0]!.message).toMatch(/kIOReturnNoResources: .* no low pages are left to bounce to/);
  });
});

describe('other rules', () => {
  /** Prepares input or output for 32 bits, and acts before CompleteDMA. */
  const acts = (which: 'input' | 'output', body: (inside: Inside, segment: Range, command: IODMACommand) => Program) =>
    function* (inside: Inside): Program {
      const command = yield* commandFor(inside, 32);
      const [, , , segments] = yield* command.PrepareForDMA(0, inside[which], 0, 0);
      yield* body(inside, segments.at(-1)!, command);
      yield* command.CompleteDMA(0);
    };
  const moves = (command: 'read' | 'write', over = 0) =>
    function* ({ client }: Inside, { address, length }: Range): Program {
      yield* obey(client.pci, { command, address: address + length - 64 + over, length: 64 });
    };

  test('the right way is right', () => {
    expect(rulesOf(acts('input', moves('read')))).toEqual([]);
    expect(rulesOf(acts('output', moves('write')))).toEqual([]);
  });

  test('wrong-direction: the bytes stay in the bounce page', () => {
    const message = (dext: Once['dext']): string =>
      runAnyhow(of(dext), { rules: ['wrong-direction'] }).findings[0]!.message;
    expect(message(acts('input', moves('write')))).toMatch(/: it never leaves the bounce page\n/);
    expect(message(acts('output', moves('read')))).toMatch(/: it gets what was left in a bounce page\n/);
  });

  test('a bounce page holds nobody else: neighbours are neither exposed nor overwritten', () => {
    const heap: Omit<Once, 'dext'> = {
      size: 5 * KiB,
      *allocate(app, bytes) {
        const block = yield* app.malloc(bytes);
        yield* app.malloc(16);
        return block;
      },
    };
    expect(rulesOf(acts('output', moves('write', 64)), heap)).toEqual([]);
    // Of the two pages one lies below the limit, and is exposed as ever.
    const mixed = { ...heap, machine: { ...machine, physical: 'mixed' } } as const;
    expect(
      rulesOf(
        acts('output', function* () {}),
        mixed,
      ),
    ).toEqual(['neighbour-exposed']);
  });

  test('complete-while-running and use-after-complete: bounce pages are given back too', () => {
    const early = acts('output', function* ({ client: { pci } }, { address, length }, command) {
      yield* order(pci, { command: 'write', address, length, local: 0 });
      yield* command.CompleteDMA(0);
      yield* done(pci);
    });
    expect(rulesOf(early)).toContain('complete-while-running');
    expect(rulesOf(early)).toContain('use-after-complete');
    expect(rulesOf(early)).not.toContain('dma-outside-mapping');
  });

  /** The app's moves, in order, on memory that is prepared for 32 bits. */
  type Move = 'prepare' | 'device reads' | 'device writes' | 'complete' | 'unmap' | 'free';
  const plays = (...steps: readonly Move[]): string[] =>
    found({
      machine,
      *method(args, client) {
        const [address, move] = [Number(args.scalarInput[0]), steps[Number(args.scalarInput[1])]];
        const inside = { client, address } as Inside;
        const kept = client.driver.shared as { command: IODMACommand; bus: number };
        if (move === 'prepare') {
          kept.command = yield* commandFor(inside, 32);
          const [, , , segments] = yield* kept.command.PrepareForDMA(0, yield* shared(inside), 0, 0);
          kept.bus = segments[0]!.address;
        } else if (move === 'complete') yield* kept.command.CompleteDMA(0);
        else yield* device(inside, move === 'device reads' ? 'read' : 'write', kept.bus);
        return 0;
      },
      *app(app, connect) {
        const heap = steps.includes('free');
        const [, at] = heap ? yield* app.posix_memalign(4 * KiB, size) : [0, yield* app.mmap(size)];
        for (const [index, move] of steps.entries()) {
          if (move === 'unmap') yield* app.munmap(at, size);
          else if (move === 'free') yield* app.free(at);
          else yield* app.IOConnectCallScalarMethod(connect, 0, [BigInt(at), BigInt(index)]);
        }
      },
    });

  test('use-after-unmap: what the device writes comes to nobody', () => {
    expect(plays('prepare', 'unmap', 'device writes', 'complete')).toEqual(['use-after-unmap']);
    expect(plays('prepare', 'device writes', 'complete', 'unmap')).toEqual([]);
  });

  test('use-after-free: what it reads is older than that, but the copy in goes over freed memory', () => {
    expect(plays('prepare', 'free', 'device writes', 'complete')).toEqual(['use-after-free']);
    expect(plays('prepare', 'device writes', 'free', 'complete')).toEqual(['use-after-free']);
    expect(plays('prepare', 'device writes', 'complete', 'free')).toEqual([]);
    expect(plays('prepare', 'free', 'device reads')).toEqual(['leaked-preparation']);
  });

  test('stale-output: the rest of a bounce page is copied in as well', () => {
    const reading = (bytes: number): string[] =>
      rulesOf(
        acts('output', function* ({ client }, { address }) {
          yield* obey(client.pci, { command: 'write', address: address - 4 * KiB, length: 64 });
        }),
        {
          *after(app, _input, output) {
            yield* app.read(output, bytes);
          },
        },
      );
    expect(reading(65)).toEqual(['stale-output']);
    expect(reading(64)).toEqual([]);
  });
});
