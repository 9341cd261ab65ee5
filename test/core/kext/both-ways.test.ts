/** The way of the kernel extension on the same model: bytes, segments and order of wiring are those of DriverKit (docs/kext.md). */
import { describe, expect, test } from 'vitest';
import {
  IODMACommand,
  kext,
  kIOReturnBadArgument,
  kIOReturnBusy,
  kIOReturnNotReady,
  kIOReturnOverrun,
  kIOReturnVMError,
  KiB,
  load,
  type MachineOptions,
  type Program,
} from '../../../index.ts';
import type { Range } from '../../../core/iokit/state.ts';
import { wires } from '../../support/dext.ts';
import { obey } from '../../support/probe.ts';
import { run, runAnyhow, type Method, type Ran, type TestClient } from '../../support/run.ts';

const size = 48 * KiB;

/** Passes memory to the method, and its address. */
function passing<T>(method: Method, kernel: boolean, machine: Partial<MachineOptions>, result: () => T): Ran<T> {
  return run({
    kernel,
    machine,
    method,
    *app(app, connect) {
      const at = (yield* app.mmap(size + 100)) + 100;
      yield* app.memset(at, 0xaa, size);
      yield* app.IOConnectCallMethod(connect, 0, [BigInt(at)], at, size, 0, 0, 0);
      return result();
    },
  });
}

/** Has the device read each segment, one after the other. */
function* readAll({ pci }: TestClient, segments: readonly Range[]): Program {
  let local = 0;
  for (const { address, length } of segments) {
    expect(yield* obey(pci, { command: 'read', address, length, local })).toBe('ok');
    local += length;
  }
}

/** A command with the memory that an app's address names, wired and set. */
function* set(
  client: TestClient,
  address: number,
  bits = 64,
): Program<[kext.IOMemoryDescriptor, kext.IODMACommand, number]> {
  const task = yield* kext.owningTask(client);
  const memory = yield* kext.IOMemoryDescriptor.withAddressRange(address, size, kext.kIODirectionOut, task);
  yield* memory!.prepare();
  const command = yield* kext.IODMACommand.withSpecification(bits, client.pci);
  return [memory!, command!, yield* command!.setMemoryDescriptor(memory)];
}

describe.each<Partial<MachineOptions>>([
  { mapper: 'dart' },
  { mapper: 'vtd', pageSize: 4 * KiB },
  { mapper: 'none', pageSize: 4 * KiB },
])('%j', (machine) => {
  test('bytes, segments, and the order in which pages are wired and mapped are the same', () => {
    const found: (readonly Range[])[] = [];
    const dext: Method = function* (args, client) {
      const [, command] = yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 64 });
      const [, , , segments] = yield* command!.PrepareForDMA(0, args.structureInputDescriptor, 0, 0);
      found.push(segments);
      yield* readAll(client, segments);
      yield* command!.CompleteDMA(0);
      return 0;
    };
    const kernel: Method = function* (args, client) {
      const [memory, command] = yield* set(client, Number(args.scalarInput[0]));
      const [, segments] = yield* command.gen64IOVMSegments(0, 32);
      found.push(segments);
      yield* readAll(client, segments);
      yield* command.complete();
      yield* memory.complete();
      yield* command.release();
      yield* memory.release();
      return 0;
    };
    const rans = [passing(dext, false, machine, () => 0), passing(kernel, true, machine, () => 0)];
    expect(found[0]).toEqual(found[1]);
    const [a, b] = rans.map((ran) => ({
      memory: [...ran.deviceMemory.subarray(0, size)],
      order: ran.events
        .map(({ kind }) => kind)
        .filter((kind) => /^page\.(un)?wire|^iommu\.|^descriptor\.(un)?wire$/.test(kind)),
    }));
    expect(a!.memory.every((byte) => byte === 0xaa)).toBe(true);
    expect(a).toEqual(b);
    for (const ran of rans) expect([wires(ran), ran.world.iovas]).toEqual([[], []]);
  });
});

test('a struct descriptor of the call is the same object, and its mapping the snapshot', () => {
  let seen: number | undefined;
  const method: Method = function* (args) {
    const memory = kext.IOMemoryDescriptor.of(args.structureInputDescriptor!);
    expect([yield* memory.getLength(), yield* memory.getDirection()]).toEqual([size, kext.kIODirectionOut]);
    const map = yield* memory.map();
    seen = (yield* load(map!.GetAddress(), 1))[0];
    yield* map!.release();
    return 0;
  };
  const ran = passing(method, true, {}, () => seen);
  expect(ran.result).toBe(0xaa);
  expect(ran.of('descriptor.snapshot')).toHaveLength(1);
});

test('segments come in portions, and none is lost', () => {
  const got: number[][] = [];
  const method: Method = function* (args, client) {
    const [memory, command] = yield* set(client, Number(args.scalarInput[0]));
    for (let offset = 0; offset < size;) {
      const [code, segments, next] = yield* command.gen64IOVMSegments(offset, 5);
      got.push([code, segments.length, next]);
      offset = next;
    }
    got.push([(yield* command.gen64IOVMSegments(size, 5))[0], 0, size]);
    yield* command.release();
    yield* memory.complete();
    return 0;
  };
  passing(method, true, { mapper: 'none', pageSize: 4 * KiB }, () => 0);
  const page = 4 * KiB;
  expect(got).toEqual([
    [0, 5, 5 * page - 100],
    [0, 5, 10 * page - 100],
    [0, 3, size],
    [kIOReturnOverrun, 0, size],
  ]);
});

describe('bounced memory', () => {
  const intel = { mapper: 'none', pageSize: 4 * KiB } as const;

  test('copies, segments and order are those of DriverKit', () => {
    const found: (readonly Range[])[] = [];
    const dext: Method = function* (args, client) {
      const [, command] = yield* IODMACommand.Create(client.pci, 0, { maxAddressBits: 32 });
      const [, , , segments] = yield* command!.PrepareForDMA(0, args.structureInputDescriptor, 0, 0);
      found.push(segments);
      yield* readAll(client, segments);
      return yield* command!.CompleteDMA(0);
    };
    const kernel: Method = function* (args, client) {
      const [memory, command] = yield* set(client, Number(args.scalarInput[0]), 32);
      found.push((yield* command.gen64IOVMSegments(0, 32))[1]);
      yield* readAll(client, found.at(-1)!);
      yield* command.complete();
      yield* memory.complete();
      return 0;
    };
    const rans = [passing(dext, false, intel, () => 0), passing(kernel, true, intel, () => 0)];
    expect(found[0]).toEqual(found[1]);
    const [a, b] = rans.map((ran) => ({
      memory: [...ran.deviceMemory.subarray(0, size)],
      order: ran.events.map(({ kind }) => kind).filter((kind) => /^page\.(un)?wire|bounce|sync|page\.take/.test(kind)),
    }));
    expect(a!.order).toContain('command.sync');
    expect(a).toEqual(b);
  });

  test('synchronize copies whenever the driver asks, whatever the direction; complete can leave it', () => {
    const codes: number[] = [];
    const seen: (number | undefined)[] = [];
    const method: Method = function* (args, client) {
      // Out: only what the driver asks for comes back.
      const [memory, command] = yield* set(client, Number(args.scalarInput[0]), 32);
      const map = (yield* memory.map())!;
      const look = function* (): Program {
        seen.push((yield* load(map.GetAddress(), 1))[0]);
      };
      const [, segments] = yield* command.gen64IOVMSegments(0, 32);
      const { address } = segments[0]!;
      const writes = function* (value: number): Program {
        yield* obey(client.pci, { command: 'fill', length: 64, local: 128, count: value });
        yield* obey(client.pci, { command: 'write', address, length: 64, local: 128 });
      };
      yield* writes(3);
      yield* look();
      codes.push(yield* command.synchronize(kext.kIODirectionIn));
      yield* look();
      yield* writes(4);
      codes.push(yield* command.synchronize(kext.kIODirectionOut), yield* command.synchronize(kext.kIODirectionIn));
      yield* look();
      yield* writes(5);
      codes.push(yield* command.synchronize(0), yield* command.synchronize(kext.kIODirectionInOut));
      codes.push(yield* command.complete(true, false));
      yield* look();
      codes.push(yield* command.synchronize(kext.kIODirectionIn));
      yield* memory.complete();
      return 0;
    };
    passing(method, true, intel, () => 0);
    expect(codes).toEqual([0, 0, 0, 0, kIOReturnBadArgument, 0, kIOReturnNotReady]);
    expect(seen).toEqual([0xaa, 3, 3, 3]);
  });

  test('where nothing is bounced synchronize does nothing', () => {
    const method: Method = function* (args, client) {
      const [memory, command] = yield* set(client, Number(args.scalarInput[0]));
      const code = yield* command.synchronize(kext.kIODirectionIn);
      yield* command.complete();
      yield* memory.complete();
      return code;
    };
    expect(passing(method, true, intel, () => 0).of('command.sync')).toEqual([]);
  });
});

test('what goes wrong', () => {
  const codes: number[] = [];
  const method: Method = function* (args, client) {
    const address = Number(args.scalarInput[0]);
    const task = yield* kext.owningTask(client);
    const of = function* (): Program<kext.IOMemoryDescriptor> {
      return (yield* kext.IOMemoryDescriptor.withAddressRange(address, size, kext.kIODirectionOut, task))!;
    };
    const command = (yield* kext.IODMACommand.withSpecification(64, client.pci))!;
    codes.push(yield* command.setMemoryDescriptor(null), yield* command.prepare(), yield* command.complete());
    codes.push((yield* command.gen64IOVMSegments(0, 1))[0]);
    const unwired = yield* of();
    codes.push(yield* command.setMemoryDescriptor(unwired));
    const wired = yield* of();
    yield* wired.prepare();
    codes.push(yield* command.setMemoryDescriptor(wired), yield* command.setMemoryDescriptor(wired));
    codes.push(yield* command.setMemoryDescriptor(unwired), yield* command.prepare(0, 100));
    codes.push((yield* command.gen64IOVMSegments(0, 0))[0], yield* command.clearMemoryDescriptor(false));
    codes.push(yield* command.clearMemoryDescriptor());
    yield* wired.complete();
    return 0;
  };
  passing(method, true, {}, () => 0);
  const [notReady, bad] = [kIOReturnNotReady, kIOReturnBadArgument];
  expect(codes).toEqual([
    bad,
    notReady,
    notReady,
    notReady,
    kIOReturnVMError,
    0,
    0,
    kIOReturnBusy,
    notReady,
    bad,
    notReady,
    0,
  ]);
});

test('a crash is a panic: the machine stops there', () => {
  const ran = runAnyhow({
    kernel: true,
    *method() {
      yield* load(0x10, 4);
      return 0;
    },
    *app(app, connect) {
      yield* app.IOConnectCallScalarMethod(connect, 0, []);
      yield* app.note('still here');
    },
  });
  expect(ran.findings.map(({ rule }) => rule)).toEqual(['panic']);
  expect(ran.findings[0]!.message).toMatch(/^kext:TestClient crashed: SIGSEGV: read at 0x10/);
  expect(ran.of('note')).toEqual([]);
});
