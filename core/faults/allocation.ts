import { kIOReturnNoMemory } from '../codes.ts';
import type { Fault } from './fault.ts';

export const allocation: Fault = {
  doc: 'The next buffer or descriptor cannot be made: kIOReturnNoMemory.',
  code: kIOReturnNoMemory,
};
