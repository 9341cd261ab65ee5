/** facts §5.1, §4.6: descriptors that stand on others. */
import { describe, expect, test } from 'vitest';
import {
  IOMemoryDescriptor,
  kIOMemoryDirectionIn,
  kIOMemoryDirectionInOut,
  kIOMemoryDirectionOut,
  kIOReturnBadArgument,
  kIOReturnError,
  kIOReturnNotWritable,
  kIOReturnOverrun,
  kIOReturnSuccess,
  kIOReturnVMError,
  KiB,
  load,
  store,
  type MachineOptions,
  type Program,
} from '../../../index.ts';
import { commandFor, inDext, prepared, wires, type Inside } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';

const size = 48 * KiB;
const page = 16 * KiB;
const { CreateSubMemoryDescriptor: sub, CreateWithMemoryDescriptors: multi } = {
  CreateSubMemoryDescriptor: IOMemoryDescriptor.CreateSubMemoryDescriptor.bind(IOMemoryDescriptor),
  CreateWithMemoryDescriptors: IOMemoryDescriptor.CreateWithMemoryDescriptors.bind(IOMemoryDescriptor),
};

function* madeOf(parts: readonly IOMemoryDescriptor[], direction: number): Program<IOMemoryDescriptor> {
  return (yield* multi(direction, parts))[1]!;
}

describe('CreateSubMemoryDescriptor', () => {
  test.each([
    ['a part', kIOMemoryDirectionOut, 100, 200, kIOReturnSuccess],
    ['another direction', kIOMemoryDirectionIn, 0, size, kIOReturnSuccess],
    ['length 0', kIOMemoryDirectionOut, size, 0, kIOReturnSuccess],
    ['other option bits', 0x10, 0, 1, kIOReturnBadArgument],
    ['past the end', kIOMemoryDirectionOut, 1, size, kIOReturnBadArgument],
  ])('%s', (_name, options, offset, length, code) => {
    const { result } = inDext(function* ({ input }) {
      const [got, made] = yield* sub(options, offset, length, input);
      return [got, made === null ? null : (yield* made.GetLength())[1]];
    });
    expect(result).toEqual([code, code === kIOReturnSuccess ? length : null]);
  });

  test('NULL', () => {
    expect(inDext(() => sub(kIOMemoryDirectionOut, 0, 0, null)).result).toEqual([kIOReturnBadArgument, null]);
  });
});

describe('CreateWithMemoryDescriptors', () => {
  test('NULL list, no descriptors, a NULL among them, other bits: BadArgument; more than 32: Overrun', () => {
    const { result } = inDext(function* ({ input, output }) {
      const codes: number[] = [];
      const lists = [null, [], [input, null], Array.from({ length: 33 }, () => input)] as const;
      for (const list of lists) codes.push((yield* multi(kIOMemoryDirectionOut, list))[0]);
      codes.push((yield* multi(0x10, [input]))[0], (yield* multi(kIOMemoryDirectionInOut, [input, output]))[0]);
      return codes;
    });
    const bad = kIOReturnBadArgument;
    expect(result).toEqual([bad, bad, bad, kIOReturnOverrun, bad, kIOReturnSuccess]);
  });

  test('its length is the sum', () => {
    const { result } = inDext(function* ({ input, output }) {
      return (yield* (yield* madeOf([input, output, input], kIOMemoryDirectionOut)).GetLength())[1];
    });
    expect(result).toBe(3 * size);
  });
});

test('what they stand on lives as long as they do', () => {
  const ran = inDext(function* ({ client, address }) {
    const range = { address, length: size };
    const [, parent] = yield* client.CreateMemoryDescriptorFromClient(kIOMemoryDirectionOut, [range]);
    const [, part] = yield* sub(kIOMemoryDirectionOut, 0, page, parent);
    const all = yield* madeOf([part!], kIOMemoryDirectionOut);
    yield* parent!.release();
    yield* part!.release();
    const [code] = yield* (yield* commandFor({ client })).PrepareForDMA(0, all, 0, 0);
    yield* all.release();
    return code;
  });
  expect(ran.result).toBe(kIOReturnSuccess);
  // The command keeps all of them.
  expect(ran.world.descriptors.size).toBe(3);
});

describe('wiring', () => {
  test('a Sub wires all of its parent, in the direction of that (§4.6 "Direction upgrade")', () => {
    const ran = inDext(function* (inside) {
      const [, part] = yield* sub(kIOMemoryDirectionIn, page, page, inside.input);
      const [command, segments] = yield* prepared(inside, part!);
      yield* command.CompleteDMA(0);
      return segments.map(({ length }) => length);
    });
    expect(ran.result).toEqual([page]);
    expect(ran.of('page.wire')).toHaveLength(3);
    expect(ran.of('descriptor.wire').map(({ direction }) => direction)).toEqual(['out']);
    expect(ran.of('iommu.map')).toHaveLength(1);
    expect(wires(ran)).toEqual([]);
  });

  test('a Multi wires each in ITS direction', () => {
    const ran = inDext(function* (inside) {
      const all = yield* madeOf([inside.input, inside.output], kIOMemoryDirectionInOut);
      const [command] = yield* prepared(inside, all);
      yield* command.CompleteDMA(0);
    });
    expect(ran.of('descriptor.wire').map(({ direction }) => direction)).toEqual(['in-out', 'in-out']);
    expect(wires(ran)).toEqual([]);
  });

  test('what is already wired Out cannot be wired In through a Multi: NotWritable, and what came before is undone', () => {
    const ran = inDext(function* (inside) {
      const { input, output } = inside;
      yield* prepared(inside, input);
      const all = yield* madeOf([output, input], kIOMemoryDirectionInOut);
      return (yield* (yield* commandFor(inside)).PrepareForDMA(0, all, 0, 0))[0];
    });
    expect(ran.result).toBe(kIOReturnNotWritable);
    expect(wires(ran)).toEqual([1, 1, 1]);
  });
});

describe('rights in the IOMMU (§4.6)', () => {
  const accesses = (
    body: (inside: Inside) => Program<IOMemoryDescriptor>,
    machine: Partial<MachineOptions>,
  ): string[] => [
    ...new Set(
      inDext(
        function* (inside) {
          yield* prepared(inside, yield* body(inside));
        },
        { machine },
      )
        .of('iommu.map')
        .map(({ access }) => access),
    ),
  ];

  test.each(['vtd', 'dart'] as const)('%s: all rights for a Sub and a Multi, whatever the direction', (mapper) => {
    const part = accesses(
      function* ({ input }) {
        return (yield* sub(kIOMemoryDirectionOut, 0, size, input))[1]!;
      },
      { mapper },
    );
    const all = accesses(({ input }) => madeOf([input], kIOMemoryDirectionOut), { mapper });
    expect([part, all]).toEqual([['read-write'], ['read-write']]);
  });

  test('so a device can write into a struct input, which VT-d refuses without the wrapper (§10 (23))', () => {
    const write = (wrap: boolean): unknown =>
      inDext(
        function* (inside) {
          const { input, client } = inside;
          const memory = wrap ? (yield* sub(kIOMemoryDirectionOut, 0, size, input))[1]! : input;
          const [, segments] = yield* prepared(inside, memory);
          yield* obey(client.pci, { command: 'write', address: segments[0]!.address, length: 64 });
        },
        { machine: { mapper: 'vtd', pageSize: 4 * KiB } },
      )
        .of('dma.write')
        .map(({ status }) => status);
    expect([write(false), write(true)]).toEqual([['iommu-fault'], ['ok']]);
  });

  test('a part of an Out descriptor that a Multi has wired for both may be written', () => {
    const ran = inDext(
      function* (inside) {
        yield* prepared(inside, yield* madeOf([inside.input], kIOMemoryDirectionInOut));
        yield* (yield* commandFor(inside)).PrepareForDMA(0, inside.input, 0, 100);
      },
      { machine: { mapper: 'vtd' } },
    );
    expect(ran.of('iommu.map').at(-1)!.access).toBe('read-write');
  });
});

describe('segments of a Multi (§4.6)', () => {
  const lengths = (mapper: 'vtd' | 'dart', parts: readonly (readonly [offset: number, length: number])[]): unknown =>
    inDext(
      function* (inside) {
        const made: IOMemoryDescriptor[] = [];
        for (const [offset, length] of parts) made.push((yield* sub(3, offset, length, inside.input))[1]!);
        const [, segments] = yield* prepared(inside, yield* madeOf(made, kIOMemoryDirectionInOut));
        return segments.map(({ address, length }) => [address % page, length]);
      },
      { machine: { mapper } },
    ).result;

  test.each(['vtd', 'dart'] as const)('%s: one where all inner borders are page borders', (mapper) => {
    expect(
      lengths(mapper, [
        [100, page - 100],
        [2 * page, page],
        [page, 50],
      ]),
    ).toEqual([[100, 2 * page - 100 + 50]]);
  });

  test('vtd: one for each where they are not', () => {
    expect(
      lengths('vtd', [
        [0, 100],
        [100, 100],
      ]),
    ).toEqual([
      [0, 100],
      [100, 100],
    ]);
  });
});

describe('mapping', () => {
  test('a Sub is bounded by its parent alone (§5.1, SUB:191-215)', () => {
    const { result } = inDext(function* ({ output }) {
      const [, whole] = yield* output.CreateMapping(0);
      yield* store(whole!.GetAddress() + page + 300, Uint8Array.of(7));
      const [, part] = yield* sub(kIOMemoryDirectionIn, page, 100, output);
      const [code, map] = yield* part!.CreateMapping(0, 0, 200, 200);
      const byte = (yield* load(map!.GetAddress() + 100, 1))[0];
      const beyond = yield* part!.CreateMapping(0, 0, 0, 2 * page + 1);
      return [code, byte, beyond[0]];
    });
    expect(result).toEqual([kIOReturnSuccess, 7, kIOReturnError]);
  });

  test('length 0 is the full length of the Sub', () => {
    const { result } = inDext(function* ({ output }) {
      const [, part] = yield* sub(kIOMemoryDirectionIn, 5, 100, output);
      return (yield* part!.CreateMapping(0))[1]!.GetLength();
    });
    expect(result).toBe(100);
  });

  test('a Multi shows one after the other when its inner borders are page borders, else Error', () => {
    const { result } = inDext(function* ({ output }) {
      const [, whole] = yield* output.CreateMapping(0);
      for (const [at, byte] of [
        [0, 1],
        [page, 2],
      ] as const)
        yield* store(whole!.GetAddress() + at, Uint8Array.of(byte));
      const [, first] = yield* sub(kIOMemoryDirectionIn, 0, page, output);
      const [, second] = yield* sub(kIOMemoryDirectionIn, page, 100, output);
      const [, map] = yield* (yield* madeOf([second!], 1)).CreateMapping(0);
      const [, swapped] = yield* (yield* madeOf([first!, second!], 1)).CreateMapping(0);
      const at = swapped!.GetAddress();
      const seen = [map!.GetAddress(), at, at + page];
      for (const [i, address] of seen.entries()) seen[i] = (yield* load(address, 1))[0]!;
      return [seen, (yield* (yield* madeOf([second!, first!], 1)).CreateMapping(0))[0]];
    });
    expect(result).toEqual([[2, 1, 2], kIOReturnError]);
  });

  test('of a copy-on-write descriptor it is the snapshot, which stays read-only', () => {
    const ran = inDext(function* ({ input }) {
      const [, part] = yield* sub(kIOMemoryDirectionInOut, 0, size, input);
      yield* part!.CreateMapping(0);
      yield* (yield* madeOf([part!], kIOMemoryDirectionInOut)).CreateMapping(0);
    });
    expect(ran.of('descriptor.snapshot')).toHaveLength(1);
    expect(ran.of('unspecified')).toHaveLength(2);
    expect(
      ran
        .of('vm.enter')
        .slice(-2)
        .map(({ protection }) => protection),
    ).toEqual(['read', 'read']);
  });
});

test('offset plus length past the end of a Sub: unspecified, VMError (§4.2)', () => {
  const ran = inDext(function* (inside) {
    const [, part] = yield* sub(kIOMemoryDirectionOut, 0, 100, inside.input);
    return (yield* (yield* commandFor(inside)).PrepareForDMA(0, part, 50, 51))[0];
  });
  expect(ran.result).toBe(kIOReturnVMError);
  expect(ran.of('command.unspecified')).toHaveLength(1);
});
