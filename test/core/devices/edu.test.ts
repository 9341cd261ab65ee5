/** QEMU's edu device against its specification (QEMU, docs/specs/edu.rst), register by register. */
import { describe, expect, test } from 'vitest';
import {
  edu,
  eduBuffer,
  eduDMA,
  eduRegisters as r,
  eduStatus,
  IOBufferMemoryDescriptor,
  IODMACommand,
  IOInterruptDispatchSource,
  IODispatchQueue,
  kIOMemoryDirectionInOut,
  KiB,
  load,
  store,
  type IOPCIDevice,
  type Program,
} from '../../../index.ts';
import { run, runs, type Ran } from '../../support/run.ts';

/** Runs in the driver's Start, with memory that the device can reach. */
function inDriver<T>(body: (pci: IOPCIDevice) => Program<T>, dmaMask?: number): Ran<T>[] {
  return runs(() => {
    let value: T;
    return {
      device: edu(dmaMask === undefined ? {} : { dmaMask }),
      *start({ pci }) {
        value = yield* body(pci);
      },
      *app() {
        return value;
      },
    };
  }, 4);
}

/** What the body evaluates to, the same under every schedule. */
function always<T>(body: (pci: IOPCIDevice) => Program<T>, dmaMask?: number): T {
  const results = inDriver(body, dmaMask).map(({ result }) => result);
  for (const result of results) expect(result).toEqual(results[0]);
  return results[0]!;
}

const ones = 0xffff_ffff;

test('PCI ID 1234:11e8', () => {
  expect(always((pci) => pci.ConfigurationRead32(0))).toBe(0x11e8_1234);
});

describe('0x00, identification', () => {
  test('is 0xRRrr00ed, and read-only', () => {
    expect(
      always(function* (pci) {
        const before = yield* pci.MemoryRead32(0, r.identification);
        yield* pci.MemoryWrite32(0, r.identification, 5);
        return [before, yield* pci.MemoryRead32(0, r.identification)];
      }),
    ).toEqual([0x0100_00ed, 0x0100_00ed]);
  });
});

test('0x04, liveness, inverts', () => {
  expect(
    always(function* (pci) {
      yield* pci.MemoryWrite32(0, r.liveness, 0x1234_5678);
      return yield* pci.MemoryRead32(0, r.liveness);
    }),
  ).toBe(0xedcb_a987);
});

/** Waits until the device does not compute. */
function* computed(pci: IOPCIDevice): Program<number> {
  while (((yield* pci.MemoryRead32(0, r.status)) & eduStatus.computing) !== 0);
  return yield* pci.MemoryRead32(0, r.factorial);
}

describe('0x08, factorial', () => {
  test.each([
    [0, 1],
    [1, 1],
    [5, 120],
    [12, 479_001_600],
    [13, 1_932_053_504], // modulo 2^32
    [40, 0],
  ])('of %i is %i', (n, product) => {
    expect(
      always(function* (pci) {
        yield* pci.MemoryWrite32(0, r.factorial, n);
        return yield* computed(pci);
      }),
    ).toBe(product);
  });

  test('computing shows at once, and a write meanwhile is ignored', () => {
    for (const { result } of inDriver(function* (pci) {
      yield* pci.MemoryWrite32(0, r.factorial, 5);
      const status = yield* pci.MemoryRead32(0, r.status);
      yield* pci.MemoryWrite32(0, r.factorial, 3);
      return [status, yield* computed(pci)];
    })) {
      // Whether the second write came meanwhile depends on the schedule.
      expect([120, 6]).toContain(result[1]);
      if (result[0] === 0) expect(result[1]).toBe(6);
    }
  });
});

describe('0x20, status', () => {
  test('the interrupt bit is writable, the computing bit is not', () => {
    expect(
      always(function* (pci) {
        yield* pci.MemoryWrite32(0, r.status, 0xff);
        const on = yield* pci.MemoryRead32(0, r.status);
        yield* pci.MemoryWrite32(0, r.status, 0);
        return [on, yield* pci.MemoryRead32(0, r.status)];
      }),
    ).toEqual([eduStatus.interrupt, 0]);
  });

  test('with it, an interrupt with status 1 comes after the factorial', () => {
    for (const ran of inDriver(function* (pci) {
      yield* pci.MemoryWrite32(0, r.status, eduStatus.interrupt);
      yield* pci.MemoryWrite32(0, r.factorial, 4);
      while ((yield* pci.MemoryRead32(0, r.interruptStatus)) === 0);
      return [yield* pci.MemoryRead32(0, r.factorial), yield* pci.MemoryRead32(0, r.interruptStatus)];
    })) {
      expect(ran.result).toEqual([24, 1]);
      expect(ran.of('msi')).toHaveLength(1);
    }
  });
});

describe('0x24, 0x60 and 0x64: interrupt status, raise and acknowledge', () => {
  test('raising sets bits, acknowledging clears them', () => {
    expect(
      always(function* (pci) {
        const seen: number[] = [];
        yield* pci.MemoryWrite32(0, r.raise, 0x0f);
        yield* pci.MemoryWrite32(0, r.raise, 0x30);
        seen.push(yield* pci.MemoryRead32(0, r.interruptStatus));
        yield* pci.MemoryWrite32(0, r.acknowledge, 0x09);
        seen.push(yield* pci.MemoryRead32(0, r.interruptStatus));
        yield* pci.MemoryWrite32(0, r.interruptStatus, 0xff); // read-only
        seen.push(yield* pci.MemoryRead32(0, r.interruptStatus));
        return seen;
      }),
    ).toEqual([0x3f, 0x36, 0x36]);
  });

  test('raising sends an MSI, which the driver hears', () => {
    for (const { result } of inDriver(function* (pci) {
      const [, queue] = yield* IODispatchQueue.Create('interrupts');
      const [, source] = yield* IOInterruptDispatchSource.Create(pci, 0, queue);
      let count = 0;
      yield* source.SetHandler(function* (times) {
        count += times;
        yield* pci.MemoryWrite32(0, r.acknowledge, 0x42);
      });
      yield* source.SetEnable(true);
      yield* pci.MemoryWrite32(0, r.raise, 0x42);
      while ((yield* pci.MemoryRead32(0, r.interruptStatus)) !== 0);
      return count;
    })) {
      expect(result).toBe(1);
    }
  });

  test('raise and acknowledge are write-only', () => {
    expect(
      always(function* (pci) {
        return [yield* pci.MemoryRead32(0, r.raise), yield* pci.MemoryRead32(0, r.acknowledge)];
      }),
    ).toEqual([ones, ones]);
  });
});

describe('accesses of another size, or where there is nothing', () => {
  test('below 0x80 only 4 bytes', () => {
    expect(
      always(function* (pci) {
        yield* pci.MemoryWrite8(0, r.liveness, 0);
        yield* pci.MemoryWrite64(0, r.liveness, 0n);
        return [
          yield* pci.MemoryRead32(0, r.liveness),
          yield* pci.MemoryRead16(0, r.identification),
          yield* pci.MemoryRead64(0, r.identification),
          yield* pci.MemoryRead32(0, 0x10),
          yield* pci.MemoryRead32(0, eduBuffer.address),
        ];
      }),
    ).toEqual([0, 0xffff, 0xffff_ffff_ffff_ffffn, ones, ones]);
  });

  test('from 0x80 on 4 or 8', () => {
    expect(
      always(function* (pci) {
        yield* pci.MemoryWrite64(0, r.dmaSource, 0x1_2345_6789n);
        yield* pci.MemoryWrite32(0, r.dmaCount, 77);
        return [
          yield* pci.MemoryRead64(0, r.dmaSource),
          yield* pci.MemoryRead32(0, r.dmaSource),
          yield* pci.MemoryRead64(0, r.dmaCount),
          yield* pci.MemoryRead16(0, r.dmaCount),
        ];
      }),
    ).toEqual([0x1_2345_6789n, 0x2345_6789, 77n, 0xffff]);
  });
});

/** Memory of the dext with its bus address. */
function* memory(pci: IOPCIDevice): Program<{ address: number; bus: number }> {
  const [, buffer] = yield* IOBufferMemoryDescriptor.Create(kIOMemoryDirectionInOut, 8 * KiB);
  const [, { address }] = yield* buffer!.GetAddressRange();
  const [, command] = yield* IODMACommand.Create(pci, 0, { maxAddressBits: 64 });
  const [, , , segments] = yield* command!.PrepareForDMA(0, buffer, 0, 0);
  return { address, bus: segments[0]!.address };
}

/** Starts a transfer and polls until it has ended, as the specification does. */
function* transfer(pci: IOPCIDevice, source: number, destination: number, count: number, command: number): Program {
  yield* pci.MemoryWrite64(0, r.dmaSource, BigInt(source));
  yield* pci.MemoryWrite64(0, r.dmaDestination, BigInt(destination));
  yield* pci.MemoryWrite32(0, r.dmaCount, count);
  yield* pci.MemoryWrite32(0, r.dmaCommand, command);
  while (((yield* pci.MemoryRead32(0, r.dmaCommand)) & eduDMA.run) !== 0);
}

const wide = 2 ** 32 - 1;

describe('DMA', () => {
  test("the specification's example: 100 bytes into the buffer and back, 100 bytes further", () => {
    const sent = Uint8Array.from({ length: 100 }, (_, i) => i + 1);
    expect(
      always(function* (pci) {
        const { address, bus } = yield* memory(pci);
        yield* store(address, sent);
        yield* transfer(pci, bus, eduBuffer.address, 100, eduDMA.run);
        yield* transfer(pci, eduBuffer.address, bus + 100, 100, eduDMA.run | eduDMA.toMemory);
        return yield* load(address + 100, 100);
      }, wide),
    ).toEqual(sent);
  });

  test('with bit 2 an interrupt with status 0x100 comes behind the data', () => {
    for (const { result } of inDriver(function* (pci) {
      const { address, bus } = yield* memory(pci);
      const [, queue] = yield* IODispatchQueue.Create('interrupts');
      const [, source] = yield* IOInterruptDispatchSource.Create(pci, 0, queue);
      const seen: number[] = [];
      yield* source.SetHandler(function* () {
        seen.push((yield* load(address + 4095, 1))[0]!, yield* pci.MemoryRead32(0, r.interruptStatus));
      });
      yield* source.SetEnable(true);
      yield* store(address, Uint8Array.of(7));
      yield* transfer(pci, bus, eduBuffer.address + 4095, 1, eduDMA.run);
      yield* transfer(pci, eduBuffer.address, bus, eduBuffer.size, eduDMA.run | eduDMA.toMemory | eduDMA.interrupt);
      while (seen.length < 2) yield* pci.MemoryRead32(0, r.status);
      return seen;
    }, wide)) {
      expect(result).toEqual([7, 0x100]);
    }
  });

  test('a command without the start bit is ignored', () => {
    expect(
      always(function* (pci) {
        yield* pci.MemoryWrite32(0, r.dmaCommand, eduDMA.toMemory);
        return yield* pci.MemoryRead32(0, r.dmaCommand);
      }),
    ).toBe(0);
  });

  test('the addresses are cut to 28 bits unless dma_mask says otherwise', () => {
    const beats = (mask?: number): number[] =>
      inDriver(function* (pci) {
        yield* transfer(pci, 0x1_3000_0040, eduBuffer.address, 4, eduDMA.run);
      }, mask)[0]!
        .of('dma.read')
        .map(({ address }) => address);
    expect(beats()).toEqual([0x0000_0040]);
    expect(beats(wide)).toEqual([0x3000_0040]);
  });

  test('nothing moves outside of the buffer', () => {
    for (const ran of inDriver(function* (pci) {
      const { bus } = yield* memory(pci);
      yield* transfer(pci, bus, eduBuffer.address - 1, 4, eduDMA.run);
      yield* transfer(pci, bus, eduBuffer.address + 4093, 4, eduDMA.run);
      yield* transfer(pci, eduBuffer.address, bus, 4097, eduDMA.run | eduDMA.toMemory);
    }, wide)) {
      expect([...ran.of('tlp.read'), ...ran.of('tlp.write')]).toEqual([]);
    }
  });
});

test('every run ends without a finding', () => {
  expect(run({ device: edu(), *app() {} }).findings).toEqual([]);
});
