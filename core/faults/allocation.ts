import { kIOReturnNoMemory } from '../codes.ts';
import type { Fault } from './fault.ts';

export const allocation: Fault = {
  doc: 'The next buffer, descriptor, or book of wires in PrepareForDMA cannot be made: kIOReturnNoMemory (facts §4.3, §5.2).',
  code: kIOReturnNoMemory,
};
