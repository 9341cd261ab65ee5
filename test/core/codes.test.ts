/** facts §8: every code of the table under its name, by hand. */
import { describe, expect, test } from 'vitest';
import { codeName } from '../../core/code-names.ts';
import * as codes from '../../core/codes.ts';

/** The names of the table in the order of its numbers, from 0x2bc on; nothing where there is no code. */
const table = [
  ...['Error', 'NoMemory', 'NoResources', 'IPCError', 'NoDevice', 'NotPrivileged', 'BadArgument', 'LockedRead'],
  ...['LockedWrite', 'ExclusiveAccess', 'BadMessageID', 'Unsupported', 'VMError', 'InternalError', 'IOError', ''],
  ...['CannotLock', 'NotOpen', 'NotReadable', 'NotWritable', 'NotAligned', 'BadMedia', 'StillOpen', 'RLDError'],
  ...['DMAError', 'Busy', 'Timeout', 'Offline', 'NotReady', 'NotAttached', 'NoChannels', 'NoSpace', '', 'PortExists'],
  ...['CannotWire', 'NoInterrupt', 'NoFrames', 'MessageTooLarge', 'NotPermitted', 'NoPower', 'NoMedia'],
  ...['UnformattedMedia', 'UnsupportedMode', 'Underrun', 'Overrun', 'DeviceError', 'NoCompletion', 'Aborted'],
  ...['NoBandwidth', 'NotResponding', 'IsoTooOld', 'IsoTooNew', 'NotFound'],
];

const others = {
  kIOReturnSuccess: 0,
  kIOReturnInvalid: 0xe0000001,
  KERN_INVALID_ADDRESS: 1,
  KERN_PROTECTION_FAILURE: 2,
  KERN_NO_SPACE: 3,
  KERN_INVALID_ARGUMENT: 4,
  KERN_FAILURE: 5,
  KERN_RESOURCE_SHORTAGE: 6,
  KERN_MEMORY_ERROR: 10,
  KERN_INVALID_RIGHT: 17,
  KERN_INVALID_VALUE: 18,
  KERN_NOT_SUPPORTED: 46,
  MIG_ARRAY_TOO_LARGE: 0xfffffecd,
  MIG_SERVER_DIED: 0xfffffecc,
  MACH_SEND_INVALID_DEST: 0x10000003,
  MACH_SEND_INTERRUPTED: 0x10000007,
};

describe('return codes (§8)', () => {
  const expected = new Map<string, number>(Object.entries(others));
  table.forEach((name, index) => {
    if (name !== '') expected.set(`kIOReturn${name}`, 0xe00002bc + index);
  });

  test('the table ends with NotFound, 0x2f0', () => {
    expect(expected.get('kIOReturnNotFound')).toBe(0xe00002f0);
  });

  test.each([...expected])('%s is %i', (name, code) => {
    expect(Object.entries(codes)).toContainEqual([name, code]);
    expect(codeName(code)).toBe(name);
  });

  test('there are no others but the two of POSIX', () => {
    expect(Object.keys(codes).toSorted()).toEqual([...expected.keys(), 'EINVAL', 'ENOMEM'].toSorted());
    expect(codeName(codes.EINVAL)).toBe('0x16');
  });
});
