/** facts §4.2, §4.3: what PrepareForDMA refuses, in which order, and in which state it leaves the command. */
import { describe, expect, test } from 'vitest';
import {
  kIOMemoryDirectionIn,
  kIOMemoryDirectionInOut,
  kIOMemoryDirectionOut,
  IOBufferMemoryDescriptor,
  kIOReturnBadArgument,
  kIOReturnBusy,
  kIOReturnNotReady,
  kIOReturnOverrun,
  kIOReturnSuccess,
  kIOReturnVMError,
  KERN_PROTECTION_FAILURE,
  KiB,
  type MachineOptions,
} from '../../../index.ts';
import { mapAnonymous } from '../../../core/memory/space.ts';
import { act } from '../../../core/operation.ts';
import { commandFor, inDext, prepared, wires } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';
import { run } from '../../support/run.ts';

const machines: Partial<MachineOptions>[] = [
  { mapper: 'dart' },
  { mapper: 'vtd', pageSize: 4 * KiB },
  { mapper: 'none' },
];

test.each([
  ['options other than 0', 1, 'input', 32, kIOReturnBadArgument],
  ['no memory', 0, 'NULL', 32, kIOReturnBadArgument],
  ['room for more than 32 segments', 0, 'input', 33, kIOReturnOverrun],
  ['room for more than 32 segments, which is looked at first', 1, 'NULL', 33, kIOReturnOverrun],
] as const)('%s', (_name, options, memory, capacity, expected) => {
  const ran = inDext(function* (inside) {
    const command = yield* commandFor(inside);
    const [code, flags, count, segments] = yield* command.PrepareForDMA(
      options,
      memory === 'NULL' ? null : inside.input,
      0,
      0,
      capacity,
    );
    const completed = yield* command.CompleteDMA(0);
    return [code, flags, count, segments, completed];
  });
  expect(ran.result).toEqual([expected, 0, 0, [], kIOReturnNotReady]);
  expect(ran.of('page.wire')).toEqual([]);
});

test("the returned flags are the descriptor's own direction bits", () => {
  const { result } = inDext(function* (inside) {
    const out = yield* (yield* commandFor(inside)).PrepareForDMA(0, inside.input, 0, 0);
    const into = yield* (yield* commandFor(inside)).PrepareForDMA(0, inside.output, 0, 0);
    const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 100);
    const both = yield* (yield* commandFor(inside)).PrepareForDMA(0, buffer, 0, 0);
    return [out[1], into[1], both[1]];
  });
  expect(result).toEqual([kIOMemoryDirectionOut, kIOMemoryDirectionIn, kIOMemoryDirectionInOut]);
});

describe.each(machines)('on %j', (machine) => {
  test('the whole descriptor is wired, not only the window', () => {
    const ran = inDext(
      function* (inside) {
        const [code] = yield* (yield* commandFor(inside)).PrepareForDMA(0, inside.input, 20 * KiB, 100);
        yield* inside.input.retain();
        return code;
      },
      { machine },
    );
    const pages = (48 * KiB) / (machine.pageSize ?? 16 * KiB);
    expect(ran.result).toBe(0);
    expect(ran.of('page.wire')).toHaveLength(pages);
    expect(wires(ran)).toEqual(Array.from({ length: pages }, () => 1));
  });

  test('segmentsCount 0: BadArgument, after wiring and unwiring; the command can be used again', () => {
    const ran = inDext(
      function* (inside) {
        const command = yield* commandFor(inside);
        const [zero] = yield* command.PrepareForDMA(0, inside.input, 0, 0, 0);
        const completed = yield* command.CompleteDMA(0);
        const [other] = yield* command.PrepareForDMA(0, inside.output, 0, 0);
        return [zero, completed, other, yield* command.CompleteDMA(0)];
      },
      { machine },
    );
    expect(ran.result).toEqual([kIOReturnBadArgument, kIOReturnNotReady, 0, 0]);
    expect(ran.of('page.wire').length).toBeGreaterThan(0);
    expect(wires(ran)).toEqual([]);
    expect(ran.world.iommu.size).toBe(0);
  });

  test('other memory while active: Busy, and its wire is undone; the first preparation stays', () => {
    const ran = inDext(
      function* (inside) {
        const [command, segments] = yield* prepared(inside, inside.input);
        const [busy] = yield* command.PrepareForDMA(0, inside.output, 0, 0);
        const [, offset, length, memory] = yield* command.GetPreparation();
        yield* memory!.release();
        const same = memory!.id === inside.input.id;
        return [busy, offset, length, same, segments.length > 0, yield* command.CompleteDMA(0)];
      },
      { machine },
    );
    expect(ran.result).toEqual([kIOReturnBusy, 0, 48 * KiB, true, true, kIOReturnSuccess]);
    expect(wires(ran)).toEqual([]);
  });

  test('the same memory again: success, but one CompleteDMA leaves a wire', () => {
    let left: number | undefined;
    const ran = inDext(
      function* (inside) {
        yield* inside.input.retain();
        const [command] = yield* prepared(inside, inside.input);
        const [again] = yield* command.PrepareForDMA(0, inside.input, 0, 0);
        const completed = yield* command.CompleteDMA(0);
        const second = yield* command.CompleteDMA(0);
        left = inside.input.id;
        return [again, completed, second];
      },
      { machine },
    );
    expect(ran.result).toEqual([kIOReturnSuccess, kIOReturnSuccess, kIOReturnNotReady]);
    expect(ran.world.descriptors.get(left!)!.wireCount).toBe(1);
    expect(wires(ran)).toHaveLength((48 * KiB) / (machine.pageSize ?? 16 * KiB));
  });

  test('a window past the end leaves the command half-dead until the same memory comes', () => {
    const ran = inDext(
      function* (inside) {
        const { input, output } = inside;
        const command = yield* commandFor(inside);
        const codes: number[] = [];
        // Length 0 stands for the full length, so that any offset runs past the end.
        codes.push((yield* command.PrepareForDMA(0, input, 4 * KiB, 0))[0]);
        codes.push(yield* command.CompleteDMA(0));
        codes.push((yield* command.PrepareForDMA(0, output, 0, 0))[0]);
        codes.push((yield* command.PrepareForDMA(0, input, 0, 0))[0]);
        codes.push(yield* command.CompleteDMA(0));
        codes.push((yield* command.PrepareForDMA(0, output, 0, 0))[0]);
        codes.push(yield* command.CompleteDMA(0));
        return codes;
      },
      { machine },
    );
    expect(ran.result).toEqual([kIOReturnVMError, kIOReturnNotReady, kIOReturnBusy, 0, 0, 0, 0]);
    expect(ran.of('command.unspecified')).toHaveLength(1);
    expect(wires(ran)).toEqual([]);
  });

  test('a second preparation that fails has already taken the first mapping down', () => {
    const ran = inDext(
      function* (inside) {
        const [command] = yield* prepared(inside, inside.input);
        const [failed] = yield* command.PrepareForDMA(0, inside.input, 0, 100 * KiB);
        return [failed, yield* command.CompleteDMA(0)];
      },
      { machine },
    );
    expect(ran.result).toEqual([kIOReturnVMError, kIOReturnSuccess]);
    expect(wires(ran)).toEqual([]);
    expect(ran.world.iommu.size).toBe(0);
    expect(ran.world.iovas).toEqual([]);
  });

  test('memory of length 0 cannot be prepared', () => {
    const { result } = inDext(
      function* (inside) {
        const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 100);
        yield* buffer!.SetLength(0);
        return (yield* (yield* commandFor(inside)).PrepareForDMA(0, buffer, 0, 0))[0];
      },
      { machine },
    );
    expect(result).toBe(kIOReturnVMError);
  });
});

test.each(['dart', 'vtd'] as const)(
  '%s: a preparation that failed does not take down what got its bus addresses since',
  (mapper) => {
    const ran = inDext(
      function* (inside) {
        const { pci } = inside.client;
        const [command, before] = yield* prepared(inside, inside.input);
        yield* command.PrepareForDMA(0, inside.input, 0, 100 * KiB);
        const [, after] = yield* prepared(inside, inside.output);
        yield* command.CompleteDMA(0);
        const { address } = after[0]!;
        return [address === before[0]!.address, yield* obey(pci, { command: 'write', address, length: 4 })];
      },
      { machine: { mapper } },
    );
    // VT-d keeps the first range for as long as the descriptor is wired: nobody else can have it.
    expect(ran.result).toEqual([mapper === 'dart', 'ok']);
  },
);

test('In over read-only memory: the raw KERN_PROTECTION_FAILURE; Out does not care', () => {
  const codes: number[] = [];
  const ran = run({
    *method(args, client) {
      for (const memory of [args.structureInputDescriptor, args.structureOutputDescriptor]) {
        const command = yield* commandFor({ client });
        codes.push((yield* command.PrepareForDMA(0, memory, 0, 0))[0]);
        yield* command.CompleteDMA(0);
      }
      return 0;
    },
    *app(app, connect) {
      const buffer = yield* act('mmap', 'syscall', (step) => {
        const { task } = step.world.actors.get(step.actor)!;
        return mapAnonymous(step, task, 32 * KiB, 16 * KiB, 'delay', 'read');
      });
      yield* app.IOConnectCallStructMethod(connect, 0, buffer, 32 * KiB, buffer, 32 * KiB);
    },
  });
  expect(codes).toEqual([0, KERN_PROTECTION_FAILURE]);
  expect(wires(ran)).toEqual([]);
});
