import type { AnyEvent } from '../../core/events.ts';
import { hex } from '../../core/units.ts';
import { formatEvent } from '../format.ts';

/** What accesses to memory are called. */
const accesses: Partial<Record<AnyEvent['kind'], string>> = {
  'memory.load': 'load',
  'memory.store': 'store',
  'memory.fill': 'store',
  'memory.atomic': 'atomic',
};

/** Which of an actor's events an event is counted with, from 0; nothing for those that are told by their text. */
export function seriesOf(event: AnyEvent): string | undefined {
  return accesses[event.kind];
}

/**
 * An event as people point at it: `app:main store #512 (bytes 0x104000940..0x10400097f)`, `beat 37 of request 2`. For an
 * access, `number` is which of its series it is; for a beat, which of its segment.
 */
export function pointAt(actor: string, event: AnyEvent, number: number): string {
  if (event.kind === 'dma.read' || event.kind === 'dma.write') {
    const segment = event.segment === 0 ? '' : ` segment ${event.segment}`;
    return `beat ${number} of request ${event.request}${segment}`;
  }
  const access = accesses[event.kind];
  if (access === undefined || !('address' in event && 'length' in event)) return `${actor}: ${formatEvent(event)}`;
  return `${actor} ${access} #${number} (bytes ${hex(event.address)}..${hex(event.address + event.length - 1)})`;
}
