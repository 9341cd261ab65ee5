import { codeName } from '../../core/code-names.ts';
import { kIOReturnBadArgument } from '../../core/codes.ts';
import type { Rule } from '../rule.ts';
import { tellMemory, who } from './shared/tell.ts';

/** PrepareForDMA with a segmentsCount of 0 wires, maps, undoes it all and returns `kIOReturnBadArgument` (facts §4.2 (5), §10 (20)). */
export const noSegmentRoom: Rule = {
  name: 'no-segment-room',
  severity: 'error',
  advice: 'Set segmentsCount to the room for segments, 32 at most, before each PrepareForDMA.',
  watch(report) {
    /** By actor: the command that it is preparing. */
    const preparing = new Map<number, number>();
    return {
      on: {
        'command.activate': ({ command }, { actor }) => void preparing.set(actor, command),
        'command.prepared': (_, { actor }) => void preparing.delete(actor),
        refuse: ({ call, code }, { seq, actor, world }) => {
          if (call !== 'PrepareForDMA') return;
          const command = preparing.get(actor);
          preparing.delete(actor);
          if (command === undefined || code !== kIOReturnBadArgument) return;
          const { descriptor } = world.commands.get(command)!;
          report({
            message: `PrepareForDMA of command #${command} by ${who(world, actor)} returns ${codeName(code)}: ${tellMemory(world, descriptor)} is wired, but there is room for no segment`,
            seq,
            actors: [actor],
            key: String(command),
          });
        },
      },
    };
  },
};
