import type { Moment, Rule } from '../rule.ts';
import { who } from './shared/tell.ts';

/** Configuration space is read or written after Close: all ones come back, which a driver may take for set bits (facts §7.1, §10 (39)). */
export const registerAfterClose: Rule = {
  name: 'register-after-close',
  severity: 'error',
  advice: 'Read what you need before Close, and let nothing run that touches the device afterwards.',
  watch(report) {
    /** By device: the event that closed it. */
    const closed = new Map<number, number>();
    let last = 0;
    const late = (device: number, what: string, { seq, actor, world }: Moment): void => {
      const close = closed.get(device);
      if (close === undefined) return;
      report({
        message: `${who(world, actor)} ${what} of device #${device}, which event ${close} has closed`,
        seq,
        actors: [actor],
        key: String(device),
      });
    };
    return {
      on: {
        'pci.open': ({ device }) => void closed.delete(device),
        'pci.close': ({ device }, { seq }) => {
          closed.set(device, seq);
          last = device;
        },
        'config.read': ({ device }, at) => late(device, 'reads all ones from configuration space', at),
        refuse: ({ call }, at) => {
          if (call === 'ConfigurationWrite') late(last, 'writes to configuration space, in vain,', at);
        },
      },
    };
  },
};
