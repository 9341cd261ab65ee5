/** What scenarios are written with. */
export { app, type App } from './app/app.ts';
export { kIOMapAnywhere, kIOMapReadOnly, type Completion, type IOAsyncCallback } from './app/iokitlib.ts';
export * from './codes.ts';
export { Device, type DeviceModel, type Transfer } from './devices/device.ts';
export { edu, eduBuffer, eduDMA, eduInterrupts, eduRegisters, eduStatus, type EduOptions } from './devices/edu.ts';
export type { Registers } from './devices/registers.ts';
export {
  sgDataStart,
  sgDescriptorSize,
  sgEngine,
  sgFlags,
  sgRegisters,
  sgStatusOf,
  sgStatusOffset,
  type SgEngineOptions,
} from './devices/sg-engine.ts';
export {
  IODMACommand,
  kIODMACommandCompleteDMANoOptions,
  kIODMACommandCreateNoOptions,
  kIODMACommandPerformOperationOptionRead,
  kIODMACommandPerformOperationOptionWrite,
  kIODMACommandPerformOperationOptionZero,
  kIODMACommandPrepareForDMANoOptions,
  type IODMACommandSpecification,
} from './driverkit/IODMACommand.ts';
export {
  IODispatchQueue,
  kIODispatchQueueMethodsNotSynchronized,
  kIODispatchQueueReentrant,
  kIODispatchQueueWakeupAll,
} from './driverkit/IODispatchQueue.ts';
export { IOInterruptDispatchSource, type InterruptOccurred } from './driverkit/IOInterruptDispatchSource.ts';
export { IOPCIDevice, kIOPCIAccessLatencyTolerantHint, kIOPCIKernelMemoryAccess } from './driverkit/IOPCIDevice.ts';
export { IOService, kIOServiceDefaultQueueName } from './driverkit/IOService.ts';
export {
  IOTimerDispatchSource,
  kIOTimerClockMachAbsoluteTime,
  type TimerOccurred,
} from './driverkit/IOTimerDispatchSource.ts';
export {
  IOUserClient,
  kIOUserClientAsyncArgumentsCountMax,
  kIOUserClientAsyncReferenceCountMax,
  kIOUserClientQueueNameExternalMethod,
  type IOUserClientMethodArguments,
  type IOUserClientMethodDispatch,
} from './driverkit/IOUserClient.ts';
export {
  IOBufferMemoryDescriptor,
  IOMemoryDescriptor,
  IOMemoryMap,
  kIOMemoryDirectionIn,
  kIOMemoryDirectionInOut,
  kIOMemoryDirectionOut,
  kIOMemoryDisableCopyOnWrite,
  kIOMemoryMapCacheModeCopyback,
  kIOMemoryMapCacheModeDefault,
  kIOMemoryMapCacheModeInhibit,
  kIOMemoryMapCacheModeRealTime,
  kIOMemoryMapCacheModeWriteThrough,
  kIOMemoryMapFixedAddress,
  kIOMemoryMapGuardedDefault,
  kIOMemoryMapGuardedLarge,
  kIOMemoryMapGuardedNone,
  kIOMemoryMapGuardedSmall,
  kIOMemoryMapReadOnly,
} from './driverkit/memory.ts';
export { mustNotBeNull, OSData, OSObject } from './driverkit/objects.ts';
export { OSAction, type ActionCallback, type OSActionWaitToken } from './driverkit/OSAction.ts';
export { fieldTypes, type Access, type FieldType, type Kind, type Touch } from './catalogue.ts';
export { kindOf, kindNames, kinds, modelVersion, type AnyEvent, type EventByKind, type KindName } from './events.ts';
export { kIOUserClientMemoryReadOnly } from './iokit/client-memory.ts';
export { inlineLimit, kIOConnectMethodVarOutputSize, kIOUserClientVariableStructureSize } from './iokit/call.ts';
export { maxSegments } from './iokit/command.ts';
export * as kext from './kext/index.ts';
export { defaultMachine, type Era, type MachineOptions, type Mapper } from './machine.ts';
export {
  atomic_compare_exchange_strong,
  atomic_exchange,
  atomic_fetch_add,
  atomic_load,
  atomic_store,
  load,
  load32,
  load64,
  memcpy,
  memset,
  read,
  store,
  store32,
  store64,
  write,
} from './memory/access.ts';
export {
  MADV_DONTNEED,
  MADV_FREE,
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
} from './memory/madvise.ts';
export { MAP_PRIVATE, MAP_SHARED, PROT_NONE, PROT_READ, PROT_WRITE } from './memory/protection.ts';
export { mach_absolute_time, note, sleep } from './actors/threads.ts';
export type { Operation, Program } from './operation.ts';
export { kIOPCICommandBusLead, kIOPCICommandMemorySpace, kIOPCIConfigurationOffsetCommand } from './pcie/bus.ts';
export { scenario, type End, type Options, type Scenario, type ScenarioDefinition } from './scenario.ts';
export { GiB, hex, hexBytes, KiB, microsecond, MiB, millisecond } from './units.ts';
export type { World } from './world.ts';
