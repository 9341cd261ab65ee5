import type { Rule } from '../rule.ts';
import { who } from './shared/tell.ts';

/** IODMACommand::Create with an object that is not the device's nub: it succeeds, with a mapper that is not the device's (facts §4.1, §10 (45)). */
export const wrongService: Rule = {
  name: 'wrong-service',
  severity: 'error',
  advice: 'Give IODMACommand::Create the IOPCIDevice that Start was called with.',
  watch(report) {
    return {
      on: {
        'command.create': ({ command, device, mapper }, { seq, actor, world }) => {
          if (world.devices.has(device)) return;
          const name = world.services.get(device)?.name ?? `object #${device}`;
          report({
            message: `${who(world, actor)} makes command #${command} for ${name}, which is no PCI device: its mapper is ${mapper}, the device's is ${world.machine.mapper}`,
            seq,
            actors: [actor],
            key: String(command),
          });
        },
      },
    };
  },
};
