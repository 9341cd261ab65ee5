import { hex } from '../../core/units.ts';
import type { Rule, Watch } from '../rule.ts';
import { Preparations } from './shared/preparations.ts';
import { tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** PrepareForDMA of a command that is prepared: its bus addresses go, its wire stays (facts §4.2 (3), §10 (15)). */
export const preparedTwice: Rule = {
  name: 'prepared-twice',
  severity: 'error',
  advice: 'Call CompleteDMA before preparing again, or use a second command.',
  watch(report) {
    const preparations = new Preparations();
    const own: Watch['on'] = {
      'command.activate': ({ command }, { seq, actor, world }) => {
        const before = preparations.live.get(command);
        if (before === undefined) return;
        const had = before.segments.map(({ address, length }) => `${hex(address)}+${length}`).join(' ');
        report({
          message: `command #${command} is prepared again by ${who(world, actor)}, and nothing has completed it since:
  event ${before.seq}: ${who(world, before.actor)} prepared it with ${tellMemory(world, before.descriptor)}
  its bus addresses ${had} are no longer its own, though the device may have them; the memory stays wired once more`,
          seq,
          actors: [before.actor, actor],
          key: String(command),
        });
      },
    };
    return { on: together(own, preparations.on) };
  },
};
