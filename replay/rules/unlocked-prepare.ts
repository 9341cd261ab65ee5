import type { Moment, Rule } from '../rule.ts';
import { tellMemory, who } from './shared/tell.ts';

/**
 * Two threads wire or unwire one descriptor at the same time. Descriptors of struct arguments have no lock: pages are
 * wired twice or counted wrong (facts §1.3, §4.3, §10 (22)).
 */
export const unlockedPrepare: Rule = {
  name: 'unlocked-prepare',
  severity: 'error',
  advice: 'Prepare and complete a struct argument on one queue, or under a lock.',
  watch(report) {
    /** By descriptor: who wires or unwires it. */
    const busy = new Map<number, { readonly actor: number; readonly seq: number }>();
    const enter = (descriptor: number, { seq, actor, world }: Moment): void => {
      const other = busy.get(descriptor);
      if (other === undefined || other.actor === actor) return;
      report({
        message: `two threads are at work on the wires of ${tellMemory(world, descriptor)}, which has no lock:
  event ${other.seq}: ${who(world, other.actor)} was in the middle of it
  event ${seq}: ${who(world, actor)} changes them too`,
        seq,
        actors: [other.actor, actor],
        key: String(descriptor),
      });
    };
    const isBare = (descriptor: number, { world }: Moment): boolean =>
      world.descriptors.get(descriptor)?.threadSafe === false;
    return {
      on: {
        'page.wire': ({ descriptor }, at) => {
          if (!isBare(descriptor, at)) return;
          enter(descriptor, at);
          busy.set(descriptor, { actor: at.actor, seq: at.seq });
        },
        'page.unwire': ({ descriptor, index }, at) => {
          if (!isBare(descriptor, at)) return;
          enter(descriptor, at);
          if (index === 0) busy.delete(descriptor);
        },
        'descriptor.wire': ({ descriptor }, at) => {
          if (!isBare(descriptor, at)) return;
          enter(descriptor, at);
          busy.delete(descriptor);
        },
        'descriptor.unwire': ({ descriptor }, at) => {
          if (!isBare(descriptor, at)) return;
          enter(descriptor, at);
          if (at.world.descriptors.get(descriptor)!.wireCount === 1)
            busy.set(descriptor, { actor: at.actor, seq: at.seq });
        },
      },
    };
  },
};
