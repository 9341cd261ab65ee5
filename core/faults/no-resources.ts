import { kIOReturnNoResources } from '../codes.ts';
import type { Fault } from './fault.ts';

export const noResources: Fault = {
  doc: 'The next PrepareForDMA finds no room in the IOMMU: kIOReturnNoResources.',
  code: kIOReturnNoResources,
};
