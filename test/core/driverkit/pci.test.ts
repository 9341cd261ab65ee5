/** facts §7.1: sessions, configuration space and register accesses. */
import { describe, expect, test } from 'vitest';
import {
  IOService,
  kIOPCIAccessLatencyTolerantHint,
  kIOPCICommandBusLead,
  kIOPCICommandMemorySpace,
  kIOPCIConfigurationOffsetCommand,
  kIOPCIKernelMemoryAccess,
  kIOReturnBadArgument,
  kIOReturnNotFound,
  kIOReturnNotOpen,
  kIOReturnOverrun,
  kIOReturnSuccess,
  KiB,
  type IOPCIDevice,
  type Program,
} from '../../../index.ts';
import { act } from '../../../core/operation.ts';
import { probeBar, probeRegisters } from '../../support/probe.ts';
import { runAnyhow, type Ran, type TestDriver } from '../../support/run.ts';

const command = kIOPCIConfigurationOffsetCommand;
const both = kIOPCICommandBusLead | kIOPCICommandMemorySpace;
/** A register that only the driver writes. */
const register = probeRegisters.local;

class OtherService extends IOService {}

/** Runs the body in the driver's Start; without `open`, before anybody has opened the device. */
function inStart<T>(
  body: (pci: IOPCIDevice, driver: TestDriver) => Program<T>,
  open = true,
): Ran<void> & { value: T | undefined } {
  let value: T | undefined;
  const ran = runAnyhow({
    open,
    *app() {},
    *start(driver) {
      value = yield* body(driver.pci, driver);
    },
  });
  return { ...ran, value };
}

/** {@link inStart} for what must go well. */
function well<T>(body: (pci: IOPCIDevice, driver: TestDriver) => Program<T>, open = true): T | undefined {
  const { value, findings } = inStart(body, open);
  expect(findings).toEqual([]);
  return value;
}

/** {@link inStart} for what crashes the dext. */
function crashOf(body: (pci: IOPCIDevice, driver: TestDriver) => Program, rule = 'crash'): string {
  const { findings } = inStart(body);
  // The app then waits for a service that never comes.
  expect(findings.map((finding) => finding.rule)).toEqual([rule, 'deadlock']);
  return findings[0]!.message;
}

describe('Open', () => {
  test('enables neither bus lead nor memory space', () => {
    const value = well(function* (pci, driver) {
      const code = yield* pci.Open(driver);
      return [code, yield* pci.ConfigurationRead16(command), yield* pci.MemoryRead32(0, register)];
    }, false);
    expect(value).toEqual([kIOReturnSuccess, 0, 0xffff_ffff]);
  });

  test('while another client has the session: NotOpen', () => {
    const value = well(function* (pci, driver) {
      const [, other] = yield* driver.Create(new OtherService());
      const refused = yield* pci.Open(other);
      yield* pci.Close(driver);
      return [refused, yield* pci.Open(other)];
    });
    expect(value).toEqual([kIOReturnNotOpen, kIOReturnSuccess]);
  });
});

describe('before Open', () => {
  test('configuration reads are all ones, writes are dropped', () => {
    const value = well(function* (pci, driver) {
      yield* pci.ConfigurationWrite16(command, both);
      const closed = [
        yield* pci.ConfigurationRead8(command),
        yield* pci.ConfigurationRead16(command),
        yield* pci.ConfigurationRead32(command),
      ];
      yield* pci.Open(driver);
      return [...closed, yield* pci.ConfigurationRead16(command)];
    }, false);
    expect(value).toEqual([0xff, 0xffff, 0xffff_ffff, 0]);
  });

  test('register reads are all ones, writes are dropped', () => {
    const value = well(function* (pci, driver) {
      yield* pci.MemoryWrite32(0, register, 5);
      const before = [yield* pci.MemoryRead8(0, register), yield* pci.MemoryRead64(0, register)];
      yield* pci.Open(driver);
      yield* pci.ConfigurationWrite16(command, both);
      return [...before, yield* pci.MemoryRead32(0, register)];
    }, false);
    expect(value).toEqual([0xff, 0xffff_ffff_ffff_ffffn, 0]);
  });
});

describe('register accesses', () => {
  test('of 8 to 64 bits are little-endian', () => {
    const value = well(function* (pci) {
      yield* pci.MemoryWrite64(0, register, 0x0807_0605_0403_0201n);
      yield* pci.MemoryWrite8(0, register + 1, 0xaa);
      yield* pci.MemoryWrite16(0, register + 2, 0xccbb);
      return [
        yield* pci.MemoryRead8(0, register + 1),
        yield* pci.MemoryRead16(0, register + 2),
        yield* pci.MemoryRead32(0, register),
        yield* pci.MemoryRead64(0, register),
      ];
    });
    expect(value).toEqual([0xaa, 0xccbb, 0xccbb_aa01, 0x0807_0605_ccbb_aa01n]);
  });

  test('with an index that no BAR has: all ones, and dropped', () => {
    const value = well(function* (pci) {
      yield* pci.MemoryWrite32(1, 0, 7);
      return [yield* pci.MemoryRead16(1, 0), yield* pci.MemoryRead64(6, 0)];
    });
    expect(value).toEqual([0xffff, 0xffff_ffff_ffff_ffffn]);
  });

  test('with memory space off: all ones, and dropped', () => {
    const value = well(function* (pci) {
      yield* pci.MemoryWrite32(0, register, 1);
      yield* pci.ConfigurationWrite16(command, kIOPCICommandBusLead);
      yield* pci.MemoryWrite32(0, register, 2);
      const off = yield* pci.MemoryRead32(0, register);
      yield* pci.ConfigurationWrite16(command, both);
      return [off, yield* pci.MemoryRead32(0, register)];
    });
    expect(value).toEqual([0xffff_ffff, 1]);
  });

  test('at the end of the BAR are fine; beyond it they crash the dext', () => {
    expect(well((pci) => pci.MemoryRead32(0, probeBar - 4))).toBe(0);
    const message = crashOf(function* (pci) {
      yield* pci.MemoryRead32(0, probeBar - 3);
    });
    expect(message).toContain('EXC_BAD_ACCESS: register access at 0xfd beyond the 256 bytes of BAR 0');
    const written = crashOf(function* (pci) {
      yield* pci.MemoryWrite8(0, probeBar, 0);
    });
    expect(written).toContain('EXC_BAD_ACCESS');
  });
});

describe('Close', () => {
  test('clears bus lead and memory space', () => {
    const value = well(function* (pci, driver) {
      yield* pci.ConfigurationWrite16(command, both | 0x400);
      yield* pci.Close(driver);
      yield* pci.Open(driver);
      return yield* pci.ConfigurationRead16(command);
    });
    expect(value).toBe(0x400);
  });

  test('by who does not have the session does nothing; nor does a second one', () => {
    const ran = inStart(function* (pci, driver) {
      const [, other] = yield* driver.Create(new OtherService());
      yield* pci.Close(other);
      const still = yield* pci.ConfigurationRead16(command);
      yield* pci.Close(driver);
      yield* pci.Close(driver);
      return still;
    });
    expect(ran.value).toBe(both);
    expect(ran.of('pci.close')).toHaveLength(1);
  });

  test('afterwards configuration reads are all ones', () => {
    const value = well(function* (pci, driver) {
      yield* pci.Close(driver);
      return yield* pci.ConfigurationRead16(command);
    });
    expect(value).toBe(0xffff);
  });

  test('afterwards any register access crashes the dext', () => {
    const message = crashOf(function* (pci, driver) {
      yield* pci.Close(driver);
      yield* pci.MemoryRead32(0, register);
    }, 'register-after-close');
    expect(message).toContain('dext:TestDriver crashed: EXC_BAD_ACCESS: register access after IOPCIDevice::Close');
  });
});

describe('Reset', () => {
  test('begins the device anew: registers are gone, configuration space is restored', () => {
    const value = well(function* (pci) {
      yield* pci.ConfigurationWrite16(command, both);
      yield* pci.ConfigurationWrite8(0x3c, 9);
      yield* pci.MemoryWrite32(0, register, 7);
      const code = yield* pci.Reset(0);
      const kept = [yield* pci.ConfigurationRead16(command), yield* pci.ConfigurationRead8(0x3c)];
      return [code, ...kept, yield* pci.MemoryRead32(0, register)];
    });
    expect(value).toEqual([kIOReturnSuccess, both, 9, 0]);
  });

  test('needs no session', () => {
    expect(well((pci) => pci.Reset(0), false)).toBe(kIOReturnSuccess);
  });
});

describe('register accesses through the kernel (§7.1 "_MemoryAccess")', () => {
  const hint = kIOPCIAccessLatencyTolerantHint;

  test('work as those to the mapping, of 8 to 64 bits', () => {
    const value = well(function* (pci) {
      yield* pci.MemoryWrite64(0, register, 0x8877_6655_4433_2211n, hint);
      return [
        yield* pci.MemoryRead8(0, register, hint),
        yield* pci.MemoryRead16(0, register, hint),
        yield* pci.MemoryRead32(0, register, hint),
        yield* pci.MemoryRead64(0, register, hint),
      ];
    });
    expect(value).toEqual([0x11, 0x2211, 0x4433_2211, 0x8877_6655_4433_2211n]);
  });

  test('beyond the BAR: Overrun, so all ones, or dropped; the dext lives on', () => {
    const ran = inStart(function* (pci) {
      yield* pci.MemoryWrite32(0, probeBar - 3, 0, hint);
      return [yield* pci.MemoryRead32(0, probeBar - 3, hint), yield* pci.MemoryRead8(0, probeBar, hint)];
    });
    expect(ran.value).toEqual([0xffff_ffff, 0xff]);
    expect(ran.findings).toEqual([]);
    expect(ran.of('refuse').map(({ code, call }) => [code, call])).toEqual([
      [kIOReturnOverrun, 'MemoryWrite'],
      [kIOReturnOverrun, 'MemoryRead'],
      [kIOReturnOverrun, 'MemoryRead'],
    ]);
  });

  test('when the kernel has closed the session by force: NotOpen; the mapping in the dext is still there', () => {
    const ran = inStart(function* (pci, driver) {
      yield* act('forced close', 'kernel', (step) =>
        step.emit({ kind: 'pci.close', device: pci.id, service: driver.service }),
      );
      return [yield* pci.MemoryRead32(0, register, hint), yield* pci.MemoryRead32(0, register)];
    });
    expect(ran.value).toEqual([0xffff_ffff, 0xffff_ffff]);
    expect(ran.of('refuse').map(({ code }) => code)).toEqual([kIOReturnNotOpen]);
  });

  test('after Close they crash the dext all the same: there is no table of mappings to look at', () => {
    const message = crashOf(function* (pci, driver) {
      yield* pci.Close(driver);
      yield* pci.MemoryRead32(0, register, hint);
    }, 'register-after-close');
    expect(message).toContain('after IOPCIDevice::Close');
  });

  test('with memory space off: all ones', () => {
    const value = well(function* (pci) {
      yield* pci.ConfigurationWrite16(command, kIOPCICommandBusLead);
      return yield* pci.MemoryRead32(0, register, hint);
    });
    expect(value).toBe(0xffff_ffff);
  });

  test('of all registers, if the driver has the property', () => {
    class KernelAccess extends OtherService {
      override readonly properties = { [kIOPCIKernelMemoryAccess]: true };
    }
    const ran = inStart(function* (pci, driver) {
      const other = new KernelAccess();
      yield* driver.Create(other);
      yield* pci.Open(other);
      return yield* pci.MemoryRead32(0, probeBar);
    }, false);
    expect(ran.value).toBe(0xffff_ffff);
    expect(ran.findings).toEqual([]);
  });

  test('on Intel those of up to 32 bits are taken for I/O space: BadArgument', () => {
    let value: unknown;
    const ran = runAnyhow({
      machine: { pageSize: 4 * KiB, mapper: 'vtd' },
      *app() {},
      *start({ pci }) {
        yield* pci.MemoryWrite64(0, register, 5n, hint);
        value = [yield* pci.MemoryRead32(0, register, hint), yield* pci.MemoryRead64(0, register, hint)];
      },
    });
    expect(value).toEqual([0xffff_ffff, 5n]);
    expect(ran.of('refuse').map(({ code }) => code)).toContain(kIOReturnBadArgument);
  });
});

test('memoryIndex is not the number of the BAR: it counts those that there are (§7.1)', () => {
  let value: unknown;
  const ran = runAnyhow({
    device: { name: 'gaps', bars: [0, 0x100, 0, 0x200], memory: 0, engines: () => ({}) },
    *app() {},
    *start({ pci }) {
      const infos: unknown[] = [];
      for (const bar of [0, 1, 2, 3, 4]) infos.push(yield* pci.GetBARInfo(bar));
      yield* pci.MemoryWrite32(1, 0x1fc, 7);
      value = [infos, yield* pci.MemoryRead32(1, 0x1fc), yield* pci.MemoryRead32(2, 0)];
    },
  });
  const absent = [kIOReturnNotFound, 0, 0];
  expect(value).toEqual([
    [absent, [kIOReturnSuccess, 0, 0x100], absent, [kIOReturnSuccess, 1, 0x200], absent],
    7,
    0xffff_ffff,
  ]);
  expect(ran.of('mmio.write').map(({ bar }) => bar)).toEqual([3]);
});
