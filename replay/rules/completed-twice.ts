import { kIOReturnNotReady } from '../../core/codes.ts';
import type { Rule, Watch } from '../rule.ts';
import { Inside } from './shared/inside.ts';
import { who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** CompleteDMA of a command that is complete already: harmless, but whoever counts completions by it is wrong (facts §4.4, §10 (14)). */
export const completedTwice: Rule = {
  name: 'completed-twice',
  severity: 'error',
  advice: 'Call CompleteDMA once for each PrepareForDMA that succeeded.',
  watch(report) {
    const inside = new Inside();
    /** By command: the event that completed it, and who did. */
    const completed = new Map<number, { readonly seq: number; readonly actor: number }>();
    const own: Watch['on'] = {
      'command.prepared': ({ command }) => void completed.delete(command),
      'command.complete': ({ command }, { seq, actor }) => void completed.set(command, { seq, actor }),
      refuse: ({ call, code }, { seq, actor, world }) => {
        if (code !== kIOReturnNotReady || call !== 'CompleteDMA') return;
        const command = inside.command(actor);
        if (world.commands.get(command)?.active !== false) return;
        const first = completed.get(command);
        if (first === undefined) return;
        report({
          message: `command #${command} is completed by ${who(world, actor)}, but ${who(world, first.actor)} had completed it already, at event ${first.seq}`,
          seq,
          actors: [first.actor, actor],
          key: String(command),
        });
      },
    };
    return { on: together(inside.on, own) };
  },
};
