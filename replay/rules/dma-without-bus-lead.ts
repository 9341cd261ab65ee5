import { everywhere, type Beat, type Moment, type Rule, type Stretch } from '../rule.ts';
import { tellBeat, who } from './shared/tell.ts';

/**
 * The device has work, but may not lead the bus: no data moves and no interrupt comes. Or memory space is off, and the
 * register write that should tell it goes nowhere (facts §7.1, §7.3, §10 (37)). What a close in mid-transfer cuts off
 * is for stop-while-running.
 */
export const dmaWithoutBusLead: Rule = {
  name: 'dma-without-bus-lead',
  severity: 'error',
  advice: 'After Open, set MemorySpace and BusLead in the command register before the first register write.',
  watch(report) {
    /** By device: the event that closed it last. */
    const closed = new Map<number, number>();
    const cut = (device: number, what: string, { seq, actor, world }: Moment): void => {
      if (closed.has(device)) return;
      report({
        message: `${who(world, actor)} ${what}, but bus lead is off: nothing moves`,
        seq,
        actors: [actor],
        key: `lead ${device}`,
      });
    };
    const beat = (event: Beat, at: Moment): Stretch | undefined => {
      if (event.status === 'bus-lead-off') cut(at.world.actors.get(at.actor)!.device, tellBeat(event), at);
      return everywhere;
    };
    return {
      beat,
      on: {
        'pci.open': ({ device }) => void closed.delete(device),
        'pci.close': ({ device }, { seq }) => void closed.set(device, seq),
        msi: ({ device, vector, status }, at) => {
          if (status === 'bus-lead-off') cut(device, `sends interrupt ${vector}`, at);
        },
        refuse: ({ call }, { seq, actor, world }) => {
          if (call !== 'MemoryWrite') return;
          report({
            message: `${who(world, actor)} writes a register, but the device is not open or its memory space is off: the write is dropped without a word`,
            seq,
            actors: [actor],
            key: 'space',
          });
        },
      },
    };
  },
};
