import { kIOReturnNotReady } from '../../core/codes.ts';
import type { Rule } from '../rule.ts';

/** CompleteDMA of a command that is complete already: harmless, but whoever counts completions by it is wrong (facts §10 (14)). */
export const completedTwice: Rule = {
  name: 'completed-twice',
  severity: 'error',
  advice: 'Call CompleteDMA once for each PrepareForDMA that succeeded.',
  watch(report) {
    /** By command: the event that completed it. */
    const completed = new Map<number, number>();
    return {
      on: {
        'command.prepared': ({ command }) => void completed.delete(command),
        'command.complete': ({ command }, { seq }) => void completed.set(command, seq),
        refuse: ({ call, code }, { seq, actor, world }) => {
          if (call !== 'CompleteDMA' || code !== kIOReturnNotReady) return;
          const command = [...world.commands.values()].find(({ lockedBy }) => lockedBy === actor);
          const first = command && completed.get(command.id);
          if (first === undefined) return;
          report({
            message: `command #${command!.id} is completed, but event ${first} had completed it already`,
            seq,
            actors: [actor],
            key: String(command!.id),
          });
        },
      },
    };
  },
};
