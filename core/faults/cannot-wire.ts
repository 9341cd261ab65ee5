import { kIOReturnCannotWire } from '../codes.ts';
import type { Fault } from './fault.ts';

export const cannotWire: Fault = {
  doc: 'The next PrepareForDMA cannot wire the memory: kIOReturnCannotWire (facts §4.3).',
  code: kIOReturnCannotWire,
};
