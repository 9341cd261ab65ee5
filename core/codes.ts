/**
 * Return codes on this path, as unsigned 32-bit numbers (facts §8: xnu
 * iokit/DriverKit/IOReturn.h, mach/kern_return.h, mach/mig_errors.h, mach/message.h).
 */
const iokit = (n: number): number => 0xe0000000 + n;
/** MIG's negative codes, as the unsigned 32-bit numbers that a `kern_return_t` carries. */
const mig = (n: number): number => 0x1_0000_0000 + n;

export const kIOReturnSuccess = 0;
export const kIOReturnError: number = iokit(0x2bc);
export const kIOReturnNoMemory: number = iokit(0x2bd);
export const kIOReturnNoResources: number = iokit(0x2be);
export const kIOReturnIPCError: number = iokit(0x2bf);
export const kIOReturnNoDevice: number = iokit(0x2c0);
export const kIOReturnNotPrivileged: number = iokit(0x2c1);
export const kIOReturnBadArgument: number = iokit(0x2c2);
export const kIOReturnLockedRead: number = iokit(0x2c3);
export const kIOReturnLockedWrite: number = iokit(0x2c4);
export const kIOReturnExclusiveAccess: number = iokit(0x2c5);
export const kIOReturnBadMessageID: number = iokit(0x2c6);
export const kIOReturnUnsupported: number = iokit(0x2c7);
export const kIOReturnVMError: number = iokit(0x2c8);
export const kIOReturnInternalError: number = iokit(0x2c9);
export const kIOReturnIOError: number = iokit(0x2ca);
export const kIOReturnCannotLock: number = iokit(0x2cc);
export const kIOReturnNotOpen: number = iokit(0x2cd);
export const kIOReturnNotReadable: number = iokit(0x2ce);
export const kIOReturnNotWritable: number = iokit(0x2cf);
export const kIOReturnNotAligned: number = iokit(0x2d0);
export const kIOReturnBadMedia: number = iokit(0x2d1);
export const kIOReturnStillOpen: number = iokit(0x2d2);
export const kIOReturnRLDError: number = iokit(0x2d3);
export const kIOReturnDMAError: number = iokit(0x2d4);
export const kIOReturnBusy: number = iokit(0x2d5);
export const kIOReturnTimeout: number = iokit(0x2d6);
export const kIOReturnOffline: number = iokit(0x2d7);
export const kIOReturnNotReady: number = iokit(0x2d8);
export const kIOReturnNotAttached: number = iokit(0x2d9);
export const kIOReturnNoChannels: number = iokit(0x2da);
export const kIOReturnNoSpace: number = iokit(0x2db);
export const kIOReturnPortExists: number = iokit(0x2dd);
export const kIOReturnCannotWire: number = iokit(0x2de);
export const kIOReturnNoInterrupt: number = iokit(0x2df);
export const kIOReturnNoFrames: number = iokit(0x2e0);
export const kIOReturnMessageTooLarge: number = iokit(0x2e1);
export const kIOReturnNotPermitted: number = iokit(0x2e2);
export const kIOReturnNoPower: number = iokit(0x2e3);
export const kIOReturnNoMedia: number = iokit(0x2e4);
export const kIOReturnUnformattedMedia: number = iokit(0x2e5);
export const kIOReturnUnsupportedMode: number = iokit(0x2e6);
export const kIOReturnUnderrun: number = iokit(0x2e7);
export const kIOReturnOverrun: number = iokit(0x2e8);
export const kIOReturnDeviceError: number = iokit(0x2e9);
export const kIOReturnNoCompletion: number = iokit(0x2ea);
export const kIOReturnAborted: number = iokit(0x2eb);
export const kIOReturnNoBandwidth: number = iokit(0x2ec);
export const kIOReturnNotResponding: number = iokit(0x2ed);
export const kIOReturnIsoTooOld: number = iokit(0x2ee);
export const kIOReturnIsoTooNew: number = iokit(0x2ef);
export const kIOReturnNotFound: number = iokit(0x2f0);
export const kIOReturnInvalid: number = iokit(1);

export const KERN_INVALID_ADDRESS = 1;
export const KERN_PROTECTION_FAILURE = 2;
export const KERN_NO_SPACE = 3;
export const KERN_INVALID_ARGUMENT = 4;
export const KERN_FAILURE = 5;
export const KERN_RESOURCE_SHORTAGE = 6;
export const KERN_MEMORY_ERROR = 10;
export const KERN_INVALID_RIGHT = 17;
export const KERN_INVALID_VALUE = 18;
export const KERN_NOT_SUPPORTED = 46;
export const MIG_ARRAY_TOO_LARGE: number = mig(-307);
export const MIG_SERVER_DIED: number = mig(-308);
export const MACH_SEND_INVALID_DEST = 0x10000003;
export const MACH_SEND_INTERRUPTED = 0x10000007;

/** POSIX `EINVAL`, which `posix_memalign` returns for a bad alignment. */
export const EINVAL = 22;
/** POSIX `ENOMEM`, which `mprotect` returns where something is not mapped. */
export const ENOMEM = 12;
