import { codeName } from '../../core/code-names.ts';
import { kIOReturnBusy, kIOReturnNotReady } from '../../core/codes.ts';
import type { Rule, Watch } from '../rule.ts';
import { Inside } from './shared/inside.ts';
import { tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/**
 * A prepare that fails after the command has become active leaves it half-dead: CompleteDMA is refused as not ready,
 * other memory as busy (facts §4.2 (4), §10 (17)).
 */
export const halfDeadCommand: Rule = {
  name: 'half-dead-command',
  severity: 'error',
  advice: 'After a failed PrepareForDMA release the command, or prepare it with the same memory again.',
  watch(report) {
    const inside = new Inside();
    /** By command: the event since which it is active without being prepared. */
    const since = new Map<number, number>();
    const own: Watch['on'] = {
      'command.activate': ({ command }, { seq }) => void since.set(command, seq),
      'command.prepared': ({ command }) => void since.delete(command),
      'command.complete': ({ command }) => void since.delete(command),
      refuse: ({ call, code }, { seq, actor, world }) => {
        const refused =
          (code === kIOReturnBusy && call === 'PrepareForDMA') ||
          (code === kIOReturnNotReady && call === 'CompleteDMA');
        if (!refused) return;
        const command = inside.command(actor);
        const failed = since.get(command);
        if (failed === undefined) return;
        report({
          message: `${call} of command #${command} by ${who(world, actor)} is refused with ${codeName(code)}: the command is half-dead
  event ${failed}: it became active with ${tellMemory(world, world.commands.get(command)!.descriptor)}, and then its PrepareForDMA failed`,
          seq,
          actors: [actor],
          key: String(command),
        });
      },
    };
    return { on: together(inside.on, own) };
  },
};
