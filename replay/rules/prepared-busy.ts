import { kIOReturnBusy } from '../../core/codes.ts';
import type { Rule, Watch } from '../rule.ts';
import { Inside } from './shared/inside.ts';
import { Preparations } from './shared/preparations.ts';
import { tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** PrepareForDMA with other memory while the command is prepared: `kIOReturnBusy` (facts §4.2 (3), §10 (16)). */
export const preparedBusy: Rule = {
  name: 'prepared-busy',
  severity: 'error',
  advice: 'Call CompleteDMA first, or use a command for each transfer in flight.',
  watch(report) {
    const inside = new Inside();
    const preparations = new Preparations();
    const own: Watch['on'] = {
      refuse: ({ call, code }, { seq, actor, world }) => {
        if (code !== kIOReturnBusy || call !== 'PrepareForDMA') return;
        const held = preparations.live.get(inside.command(actor));
        if (held === undefined) return;
        report({
          message: `PrepareForDMA by ${who(world, actor)} is refused, because command #${held.command} holds other memory:
  event ${held.seq}: ${who(world, held.actor)} prepared it with ${tellMemory(world, held.descriptor)}
  now: it was to be prepared with ${tellMemory(world, inside.descriptor(actor))}`,
          seq,
          actors: [held.actor, actor],
          key: String(held.command),
        });
      },
    };
    return { on: together(inside.on, preparations.on, own) };
  },
};
