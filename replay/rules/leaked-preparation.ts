import type { World } from '../../core/world.ts';
import type { Rule, Watch } from '../rule.ts';
import { leavesOf } from './shared/leaves.ts';
import { Preparations } from './shared/preparations.ts';
import { tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/**
 * The run is over, and memory of an app is still wired or prepared: nobody takes that back for a dext that lives
 * (facts §3.6 "Not done by anybody", §10 (9)).
 */
export const leakedPreparation: Rule = {
  name: 'leaked-preparation',
  severity: 'error',
  advice: 'CompleteDMA for every PrepareForDMA that succeeded, at the latest in Stop.',
  watch(report) {
    const preparations = new Preparations();
    /** By descriptor: the event of its last wire, and whose it was. */
    const wires = new Map<number, { readonly seq: number; readonly actor: number }>();
    const own: Watch['on'] = {
      'descriptor.wire': ({ descriptor }, { seq, actor }) => void wires.set(descriptor, { seq, actor }),
      'object.free': ({ object }) => void wires.delete(object),
    };
    return {
      on: together(preparations.on, own),
      end(world) {
        for (const [id, { seq, actor }] of wires) {
          const descriptor = world.descriptors.get(id);
          if (descriptor === undefined || descriptor.wireCount === 0) continue;
          // A driver may keep buffers of its own for as long as it lives, and an app that is stuck has not come to its end.
          if (descriptor.task === 0 || lives(world, descriptor.task)) continue;
          const live = [...preparations.live.values()].filter((preparation) =>
            leavesOf(world, preparation.descriptor).includes(id),
          );
          const held =
            live.length === 0
              ? 'no command is prepared with it any more'
              : live.map((p) => `command #${p.command} is prepared with it since event ${p.seq}`).join(', ');
          report({
            message: `${tellMemory(world, id)} is still wired ${descriptor.wireCount}×, ${descriptor.wired.length} pages, though its process is gone:
  event ${seq}: ${who(world, actor)} wired it last
  ${held}`,
            seq,
            actors: [actor],
            key: String(id),
          });
        }
      },
    };
  },
};

const lives = (world: World, task: number): boolean =>
  [...world.actors.values()].some((actor) => actor.task === task && actor.alive);
