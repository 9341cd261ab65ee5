/** The classes of the kernel's IOKit, for drivers that are kernel extensions (docs/kext.md). */
export { IODMACommand, type Generated } from './IODMACommand.ts';
export {
  IOMemoryDescriptor,
  kIODirectionIn,
  kIODirectionInOut,
  kIODirectionNone,
  kIODirectionOut,
  kIOMemoryMapCopyOnWrite,
  kIOMemoryThreadSafe,
} from './IOMemoryDescriptor.ts';
export { owningTask } from './owning-task.ts';
