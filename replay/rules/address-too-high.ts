import { codeName, kIOReturnMessageTooLarge, kIOReturnNoResources } from '../../core/codes.ts';
import type { Rule, Watch } from '../rule.ts';
import { Inside } from './shared/inside.ts';
import { tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** Memory lies where the device's address bits do not reach (facts §4.1, §4.2 (5), §10 (46)). */
export const addressTooHigh: Rule = {
  name: 'address-too-high',
  severity: 'error',
  advice: 'Give maxAddressBits as the device really has them; if they are few, copy through a buffer that they reach.',
  watch(report) {
    const inside = new Inside();
    const own: Watch['on'] = {
      refuse: ({ call, code }, { seq, actor, world }) => {
        if (call !== 'PrepareForDMA') return;
        const command = world.commands.get(inside.command(actor));
        if (command === undefined || !command.active) return;
        const bits = command.maxAddressBits;
        const noRoom = code === kIOReturnNoResources && bits > 0 && bits < 32;
        if (code !== kIOReturnMessageTooLarge && !noRoom) return;
        const why = noRoom ? 'no bus addresses are left below that' : 'it lies at higher bus addresses';
        report({
          message: `PrepareForDMA by ${who(world, actor)} returns ${codeName(code)}: command #${command.id} has ${bits} address bits, and for ${tellMemory(world, command.descriptor)} ${why}`,
          seq,
          actors: [actor],
          key: String(command.id),
        });
      },
    };
    return { on: together(inside.on, own) };
  },
};
