/** facts §4.6: without a mapper, memory above a command's address limit is double-buffered. What app and device then see. */
import { describe, expect, test } from 'vitest';
import {
  IOBufferMemoryDescriptor,
  kIODMACommandPerformOperationOptionRead,
  kIODMACommandPerformOperationOptionWrite,
  kIODMACommandPerformOperationOptionZero,
  kIOMemoryDirectionInOut,
  kIOMemoryDisableCopyOnWrite,
  kIOReturnBadArgument,
  kIOReturnMessageTooLarge,
  kIOReturnNoResources,
  kIOReturnNotReady,
  kIOReturnSuccess,
  KiB,
  load,
  memset,
  MiB,
  type AnyEvent,
  type IODMACommand,
  type IOMemoryDescriptor,
  type MachineOptions,
  type Program,
} from '../../../index.ts';
import type { Range } from '../../../core/iokit/state.ts';
import { commandFor, inDext, wires, type Inside } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';
import { run, runAnyhow, type Ran } from '../../support/run.ts';

/** An Intel Mac whose IOMMU is off. */
const intel = { mapper: 'none', pageSize: 4 * KiB } as const;
const low = 16 * MiB;

/** Prepares all of the memory for a device with so many address bits. */
function* bounced(inside: Inside, memory: IOMemoryDescriptor, bits = 32): Program<[IODMACommand, readonly Range[]]> {
  const command = yield* commandFor(inside, bits);
  const [code, , , segments] = yield* command.PrepareForDMA(0, memory, 0, 0);
  expect(code).toBe(kIOReturnSuccess);
  return [command, segments];
}

/** Lets the device read the segments one after the other; what it got is in its memory from 0 on. */
function* read({ client }: Inside, segments: readonly Range[]): Program {
  let local = 0;
  for (const { address, length } of segments) {
    expect(yield* obey(client.pci, { command: 'read', address, length, local })).toBe('ok');
    local += length;
  }
}

/** Lets the device write so many bytes of the value. */
function* write({ client }: Inside, address: number, length: number, value: number): Program {
  yield* obey(client.pci, { command: 'fill', length, local: 64 * KiB, count: value });
  expect(yield* obey(client.pci, { command: 'write', address, length, local: 64 * KiB })).toBe('ok');
}

/** Memory of the app that dext and device share with it, at its buffer. */
function* shared(inside: Inside, length: number): Program<[IOMemoryDescriptor, number]> {
  const options = kIOMemoryDirectionInOut | kIOMemoryDisableCopyOnWrite;
  const [, memory] = yield* inside.client.CreateMemoryDescriptorFromClient(options, [
    { address: inside.address, length },
  ]);
  const [, map] = yield* memory!.CreateMapping(0);
  return [memory!, map!.GetAddress()];
}

/** What is bounced which way, and what else happens around it, in order. */
const story = ({ events }: Pick<Ran<unknown>, 'events'>): string[] =>
  events.flatMap((event: AnyEvent) => {
    switch (event.kind) {
      case 'command.sync':
        return [`${event.direction} ${event.length}`];
      case 'command.bounce':
        return [`bounce ${event.pages}`];
      case 'command.unbounce':
      case 'command.prepared':
      case 'command.complete':
      case 'page.unwire':
        return [event.kind];
      default:
        return [];
    }
  });

function one(pick: (inside: Inside) => IOMemoryDescriptor): (inside: Inside) => Program<IOMemoryDescriptor> {
  return function* (inside) {
    return pick(inside);
  };
}
function* inOut(inside: Inside): Program<IOMemoryDescriptor> {
  return (yield* shared(inside, 4 * KiB + 8))[0];
}

describe('what is bounced', () => {
  test('each page by itself, in the order of prepare and complete; the device is given low pages', () => {
    const ran = inDext(
      function* (inside) {
        const [command, segments] = yield* bounced(inside, inside.input);
        yield* command.CompleteDMA(0);
        return segments;
      },
      { machine: intel, size: 8 * KiB, unaligned: 100 },
    );
    expect(ran.result).toEqual([
      { address: low + 100, length: 4096 - 100 },
      { address: low + 4 * KiB, length: 4096 },
      { address: low + 8 * KiB, length: 100 },
    ]);
    const pages = ['page.unwire', 'page.unwire', 'page.unwire'];
    const copies = ['out 3996', 'out 4096', 'out 100'];
    const end = ['command.unbounce', ...pages, 'command.complete'];
    expect(story(ran)).toEqual(['bounce 3', ...copies, 'command.prepared', ...end]);
    expect(wires(ran)).toEqual([]);
    expect(ran.world.lowFree).toHaveLength(3);
  });

  test.each<[string, (inside: Inside) => Program<IOMemoryDescriptor>, readonly string[]]>([
    ['Out is copied out', one((inside) => inside.input), ['out 4096', 'out 8']],
    ['In is copied in', one((inside) => inside.output), ['in 4096', 'in 8']],
    ['InOut both', inOut, ['out 4096', 'out 8', 'in 4096', 'in 8']],
  ])('%s', (_what, pick, copies) => {
    const ran = inDext(
      function* (inside) {
        const [command] = yield* bounced(inside, yield* pick(inside));
        yield* command.CompleteDMA(0);
      },
      { machine: intel, size: 4 * KiB + 8 },
    );
    expect(story(ran).filter((line) => /^(in|out) /.test(line))).toEqual(copies);
  });

  test('with machine.physical=mixed only the pages that lie above', () => {
    const ran = inDext(
      function* (inside) {
        const [memory, at] = yield* shared(inside, 16 * KiB);
        for (let page = 0; page < 4; page += 1) yield* memset(at + page * 4 * KiB, page + 1, 4 * KiB);
        const [command, segments] = yield* bounced(inside, memory);
        yield* read(inside, segments);
        for (const { address, length } of segments) yield* write(inside, address, length, 9);
        const during = yield* bytesAt(at, 4);
        yield* command.CompleteDMA(0);
        return { segments, during, after: yield* bytesAt(at, 4) };
      },
      { machine: { ...intel, physical: 'mixed' }, size: 16 * KiB },
    );
    const frames = ran.of('page.wire').map(({ frame }) => frame * 4 * KiB);
    const high = frames.map((address) => address >= 2 ** 32);
    expect(high.filter(Boolean)).toHaveLength(2);
    // Low pages are as they are, high ones are replaced, and nothing is merged across.
    expect(ran.result.segments.map(({ address }) => address)).toEqual(
      frames.map((address, index) =>
        high[index] ? low + high.slice(0, index).filter(Boolean).length * 4096 : address,
      ),
    );
    expect([0, 4, 8, 12].map((page) => ran.deviceMemory[page * KiB])).toEqual([1, 2, 3, 4]);
    expect(ran.result.during).toEqual(high.map((isHigh, page) => (isHigh ? page + 1 : 9)));
    expect(ran.result.after).toEqual([9, 9, 9, 9]);
  });

  test('neighbours are a segment each, so that more is dropped than without', () => {
    const around = { machine: { ...intel, physical: 'contiguous' }, size: 33 * 4 * KiB } as const;
    const sizes = (bits: number): readonly Range[] =>
      inDext(function* (inside) {
        const [command, segments] = yield* bounced(inside, inside.input, bits);
        yield* command.CompleteDMA(0);
        return segments;
      }, around).result;
    expect(sizes(64)).toHaveLength(1);
    expect(sizes(32).map(({ length }) => length)).toEqual(Array.from({ length: 32 }, () => 4 * KiB));
  });

  test.each<[string, Partial<MachineOptions>, number]>([
    ['no limit', intel, 64],
    ['a limit that the memory keeps', intel, 40],
    ['a mapper', { ...intel, mapper: 'vtd' }, 32],
  ])('nothing with %s', (_what, machine, bits) => {
    const ran = inDext(
      function* (inside) {
        const [command] = yield* bounced(inside, inside.input, bits);
        yield* command.CompleteDMA(0);
      },
      { machine, size: 8 * KiB },
    );
    expect(ran.of('command.bounce')).toEqual([]);
  });
});

function* bytesAt(address: number, pages: number): Program<number[]> {
  const bytes: number[] = [];
  for (let page = 0; page < pages; page += 1) bytes.push((yield* load(address + page * 4 * KiB, 1))[0]!);
  return bytes;
}

describe('who sees what', () => {
  /** Plays on shared memory of two pages, filled with 1. */
  const play = <T>(body: (inside: Inside, memory: IOMemoryDescriptor, at: number) => Program<T>): Ran<T> =>
    inDext(
      function* (inside) {
        const [memory, at] = yield* shared(inside, 8 * KiB);
        yield* memset(at, 1, 8 * KiB);
        return yield* body(inside, memory, at);
      },
      { machine: intel, size: 8 * KiB },
    );

  test.each([
    [64, 2],
    [32, 1],
  ])('a store after PrepareForDMA: with %i bits the device reads %i', (bits, seen) => {
    const { deviceMemory } = play(function* (inside, memory, at) {
      const [command, segments] = yield* bounced(inside, memory, bits);
      yield* memset(at, 2, 8 * KiB);
      yield* read(inside, segments);
      yield* command.CompleteDMA(0);
    });
    expect([deviceMemory[0], deviceMemory[8 * KiB - 1]]).toEqual([seen, seen]);
  });

  test.each([
    [64, 3, 2],
    [32, 1, 1],
  ])(
    'with %i bits the CPU sees what the device wrote, and keeps its own stores, before CompleteDMA: %i; and after: %i',
    (bits, before, stored) => {
      const { result } = play(function* (inside, memory, at) {
        const [command, segments] = yield* bounced(inside, memory, bits);
        yield* write(inside, segments[0]!.address, 64, 3);
        yield* memset(at + 64, 2, 64);
        const during = yield* load(at, 128);
        yield* command.CompleteDMA(0);
        const after = yield* load(at, 128);
        return [during[0], during[64], after[0], after[64]];
      });
      // A copy in brings all of the page's bytes of the memory, also those that the device has not written.
      expect(result).toEqual([before, 2, 3, stored]);
    },
  );

  test('PerformOperation goes to the bounce pages, as the device does', () => {
    const { result, deviceMemory } = play(function* (inside, memory, at) {
      const [command, segments] = yield* bounced(inside, memory);
      const [, data] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 8 * KiB);
      const [, { address: from }] = yield* data!.GetAddressRange();
      yield* memset(from, 7, 8 * KiB);
      // Across the page border.
      yield* command.PerformOperation(kIODMACommandPerformOperationOptionWrite, 4000, 200, 0, data);
      yield* read(inside, segments);
      yield* command.PerformOperation(kIODMACommandPerformOperationOptionZero, 0, 8, 0, null);
      const during = yield* load(at, 4001);
      yield* command.PerformOperation(kIODMACommandPerformOperationOptionRead, 0, 4001, 0, data);
      const copied = yield* load(from, 4002);
      yield* command.CompleteDMA(0);
      const after = yield* load(at, 8 * KiB);
      return [
        [during[0], during[4000]],
        [copied[0], copied[8], copied[4000], copied[4001]],
        [after[0], after[8], after[4000], after[8 * KiB - 1]],
      ];
    });
    expect([3999, 4000, 4199, 4200].map((byte) => deviceMemory[byte])).toEqual([1, 7, 7, 1]);
    expect(result).toEqual([
      [1, 1],
      [0, 1, 7, 7],
      [0, 1, 7, 1],
    ]);
  });

  test('In is not copied out: the device finds what the last user of the page left, and so does the app', () => {
    const { result } = play(function* (inside, memory, at) {
      const [first, used] = yield* bounced(inside, memory);
      yield* write(inside, used[0]!.address, 4 * KiB, 6);
      yield* write(inside, used[1]!.address, 4 * KiB, 6);
      yield* first.CompleteDMA(0);
      const [, map] = yield* inside.output.CreateMapping(0);
      yield* memset(map!.GetAddress(), 4, 8 * KiB);
      const [command, segments] = yield* bounced(inside, inside.output);
      yield* write(inside, segments[0]!.address, 16, 3);
      yield* command.CompleteDMA(0);
      const bytes = yield* load(map!.GetAddress(), 8 * KiB);
      return [at === map!.GetAddress(), bytes[0], bytes[16], bytes[8 * KiB - 1]];
    });
    expect(result).toEqual([false, 3, 6, 6]);
  });

  test('prepared again with the same memory: what the device had written is copied in first', () => {
    const ran = play(function* (inside, memory, at) {
      const [command, segments] = yield* bounced(inside, memory);
      yield* write(inside, segments[0]!.address, 64, 3);
      const [code, , , again] = yield* command.PrepareForDMA(0, memory, 0, 0);
      const seen = yield* load(at, 65);
      yield* read(inside, again);
      yield* command.CompleteDMA(0);
      yield* command.PrepareForDMA(0, memory, 0, 0);
      yield* command.CompleteDMA(0);
      return [code, seen[0], seen[64]];
    });
    expect(ran.result).toEqual([0, 3, 1]);
    expect([ran.deviceMemory[0], ran.deviceMemory[64]]).toEqual([3, 1]);
  });

  test('the last release of a prepared command copies in', () => {
    const { result, world } = play(function* (inside, memory, at) {
      const [command, segments] = yield* bounced(inside, memory);
      yield* write(inside, segments[0]!.address, 64, 3);
      yield* command.release();
      return (yield* load(at, 1))[0];
    });
    expect(result).toBe(3);
    expect(world.lowFree).toHaveLength(2);
  });

  test('GetPreparation tells the window, as always', () => {
    const { result } = play(function* (inside, memory) {
      const command = yield* commandFor(inside, 32);
      yield* command.PrepareForDMA(0, memory, 100, 5000);
      const [code, offset, length] = yield* command.GetPreparation();
      yield* command.CompleteDMA(0);
      return [code, offset, length, (yield* command.GetPreparation())[0]];
    });
    expect(result).toEqual([0, 100, 5000, kIOReturnNotReady]);
  });
});

describe('what goes wrong', () => {
  test.each([24, 12])(
    '%i bits do not reach the low pages either: MessageTooLarge, and In is overwritten by the undo',
    (bits) => {
      const ran = inDext(
        function* (inside) {
          const [, map] = yield* inside.output.CreateMapping(0);
          yield* memset(map!.GetAddress(), 4, 8 * KiB);
          const command = yield* commandFor(inside, bits);
          const [code] = yield* command.PrepareForDMA(0, inside.output, 0, 0);
          return [code, (yield* load(map!.GetAddress(), 1))[0], yield* command.CompleteDMA(0)];
        },
        { machine: intel, size: 8 * KiB },
      );
      expect(ran.result).toEqual([kIOReturnMessageTooLarge, 0, kIOReturnNotReady]);
      expect(story(ran).slice(0, 4)).toEqual(['bounce 2', 'in 4096', 'in 4096', 'command.unbounce']);
      expect(wires(ran)).toEqual([]);
    },
  );

  test('Apple silicon has no memory below 4 GiB: MessageTooLarge', () => {
    const ran = inDext(
      function* (inside) {
        const command = yield* commandFor(inside, 32);
        return (yield* command.PrepareForDMA(0, inside.input, 0, 0))[0];
      },
      { machine: { mapper: 'none' }, size: 16 * KiB + 1 },
    );
    expect(ran.result).toBe(kIOReturnMessageTooLarge);
    expect(ran.of('page.take').every(({ frame }) => frame * 16 * KiB >= 2 ** 32)).toBe(true);
    expect(wires(ran)).toEqual([]);
  });

  test('no room for segments: BadArgument, after the copies', () => {
    const ran = inDext(
      function* (inside) {
        const command = yield* commandFor(inside, 32);
        return (yield* command.PrepareForDMA(0, inside.input, 0, 0, 0))[0];
      },
      { machine: intel, size: 4 * KiB + 1 },
    );
    expect(ran.result).toBe(kIOReturnBadArgument);
    expect(story(ran).slice(0, 4)).toEqual(['bounce 2', 'out 4096', 'out 1', 'command.unbounce']);
  });

  test('32 MiB are set aside: what exceeds them is NoResources, nothing of it is taken, and the command is half-dead', () => {
    const ran = inDext(
      function* (inside) {
        const [memory] = yield* shared(inside, 8 * KiB);
        const { address } = inside;
        const ranges = Array.from({ length: 32 }, () => ({ address, length: 1 * MiB - 4 * KiB }));
        const [, most] = yield* inside.client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionInOut, ranges);
        const big = yield* commandFor(inside, 32);
        const codes = [(yield* big.PrepareForDMA(0, most, 0, 0))[0]];
        // 32 pages are left.
        const small = yield* commandFor(inside, 32);
        const [, more] = yield* inside.client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionInOut, [
          { address, length: 33 * 4 * KiB },
        ]);
        codes.push((yield* small.PrepareForDMA(0, more, 0, 0))[0]);
        codes.push(yield* small.CompleteDMA(0), (yield* small.PrepareForDMA(0, memory, 0, 0))[0]);
        yield* big.CompleteDMA(0);
        codes.push((yield* small.PrepareForDMA(0, more, 0, 0))[0], yield* small.CompleteDMA(0));
        return codes;
      },
      { machine: { ...intel, storeWidth: 4 * KiB }, size: 1 * MiB },
    );
    const busy = 0xe00002d5;
    expect(ran.result).toEqual([0, kIOReturnNoResources, kIOReturnNotReady, busy, 0, 0]);
    expect(ran.of('command.bounce').map(({ pages }) => pages)).toEqual([32 * 255, 33]);
    expect(ran.world.lowFree).toHaveLength(32 * 255);
    expect(wires(ran)).toEqual([]);
  });

  test('a dext that dies: its commands are completed for it, and the app sees what the device had written by then', () => {
    const { result } = runAnyhow({
      machine: intel,
      *method(args, client) {
        const inside = { client } as Inside;
        const [command, segments] = yield* bounced(inside, args.structureOutputDescriptor!);
        yield* write(inside, segments[0]!.address, 64, 3);
        yield* load(0, 1);
        return yield* command.CompleteDMA(0);
      },
      *app(app, connect) {
        const at = yield* app.mmap(8 * KiB);
        const [code] = yield* app.IOConnectCallMethod(connect, 0, [], 0, 0, 0, at, 8 * KiB);
        yield* app.sleep(1_000_000_000);
        return [code, (yield* app.load(at, 1))[0]];
      },
    });
    expect(result).toEqual([0xfffffecc, 3]);
  });
});

test('anybody can move between two pages: stores of the app get in between two copies', () => {
  let between = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const { deviceMemory } = run(
      {
        machine: intel,
        *method(args, client) {
          const inside = { client } as Inside;
          const [command, segments] = yield* bounced(inside, args.structureInputDescriptor!);
          yield* read(inside, segments);
          return yield* command.CompleteDMA(0);
        },
        *app(app, connect) {
          const at = yield* app.mmap(8 * KiB);
          yield* app.memset(at, 0, 8 * KiB);
          const other = yield* app.pthread_create('writer', function* () {
            for (let value = 1; value <= 40; value += 1) {
              yield* app.memset(at + 4 * KiB, value, 1);
              yield* app.memset(at, value, 1);
            }
          });
          yield* app.IOConnectCallMethod(connect, 0, [], at, 8 * KiB, 0, 0, 0);
          yield* app.pthread_join(other);
        },
      },
      { seed },
    );
    // The writer goes from the second page to the first, the copies the other way: they are never the other way round.
    const ahead = deviceMemory[4 * KiB]! - deviceMemory[0]!;
    expect(ahead).toBeGreaterThanOrEqual(0);
    if (ahead > 1) between += 1;
  }
  expect(between).toBeGreaterThan(0);
});
