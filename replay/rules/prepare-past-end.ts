import type { Rule } from '../rule.ts';
import { tellMemory, who } from './shared/tell.ts';

/** Offset and length of a prepare run past the descriptor; length 0 stands for all of it, from any offset (facts §4.2, §10 (19)). */
export const preparePastEnd: Rule = {
  name: 'prepare-past-end',
  severity: 'error',
  advice: 'Offset plus length must stay within GetLength; with an offset, give the length too.',
  watch(report) {
    return {
      on: {
        'command.activate': ({ command, offset, length }, { seq, actor, world }) => {
          const { descriptor } = world.commands.get(command)!;
          const total = world.descriptors.get(descriptor)!.length;
          if (offset + length <= total) return;
          report({
            message: `command #${command} is prepared by ${who(world, actor)} for ${length} bytes from offset ${offset}, but ${tellMemory(world, descriptor)} has ${total} bytes`,
            seq,
            actors: [actor],
            key: String(command),
          });
        },
      },
    };
  },
};
