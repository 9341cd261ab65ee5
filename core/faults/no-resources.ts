import { kIOReturnNoResources } from '../codes.ts';
import type { Fault } from './fault.ts';

export const noResources: Fault = {
  doc: 'A page cannot be supplied for the next PrepareForDMA: kIOReturnNoResources (facts §4.3).',
  code: kIOReturnNoResources,
};
