import type { Moment, Rule } from '../rule.ts';
import { tellMemory, who } from './shared/tell.ts';

/** Who changed the wires of a descriptor. */
interface Change {
  readonly actor: number;
  readonly seq: number;
}

/**
 * Two threads wire or unwire one descriptor at the same time. Descriptors of struct arguments have no lock: pages are
 * wired twice or counted wrong (facts §1.3, §4.3, §10 (22)).
 */
export const unlockedPrepare: Rule = {
  name: 'unlocked-prepare',
  severity: 'error',
  advice: 'Prepare and complete a struct argument on one queue, or under a lock.',
  watch(report) {
    /** By descriptor: who wires or unwires it, and who has done so last. */
    const busy = new Map<number, Change>();
    const last = new Map<number, Change>();
    const tell = (descriptor: number, other: Change, did: string, { seq, actor, world }: Moment): void => {
      if (other.actor === actor) return;
      report({
        message: `two threads are at work on the wires of ${tellMemory(world, descriptor)}, which has no lock:
  event ${other.seq}: ${who(world, other.actor)} ${did}
  event ${seq}: ${who(world, actor)} changes them too`,
        seq,
        actors: [other.actor, actor],
        key: String(descriptor),
      });
    };
    /** `stale`: what it does shows that it looked at the count before somebody else changed it. */
    const enter = (descriptor: number, at: Moment, stale = false): void => {
      const middle = busy.get(descriptor);
      const before = last.get(descriptor);
      if (middle !== undefined) tell(descriptor, middle, 'was in the middle of it', at);
      else if (stale && before !== undefined) tell(descriptor, before, 'changed them meanwhile', at);
      last.set(descriptor, { actor: at.actor, seq: at.seq });
    };
    const count = (descriptor: number, { world }: Moment): number => world.descriptors.get(descriptor)!.wireCount;
    const isBare = (descriptor: number, { world }: Moment): boolean =>
      world.descriptors.get(descriptor)?.threadSafe === false;
    return {
      on: {
        'page.wire': ({ descriptor }, at) => {
          if (!isBare(descriptor, at)) return;
          // Who looks at the count while it is not 0 wires no pages.
          enter(descriptor, at, count(descriptor, at) > 0);
          busy.set(descriptor, { actor: at.actor, seq: at.seq });
        },
        'page.unwire': ({ descriptor, index }, at) => {
          if (!isBare(descriptor, at)) return;
          enter(descriptor, at);
          if (index === 0) busy.delete(descriptor);
        },
        'descriptor.wire': ({ descriptor }, at) => {
          if (!isBare(descriptor, at)) return;
          // Who looks at the count while it is 0 wires the pages first.
          enter(descriptor, at, count(descriptor, at) === 0 && busy.get(descriptor) === undefined);
          busy.delete(descriptor);
        },
        'descriptor.unwire': ({ descriptor }, at) => {
          if (!isBare(descriptor, at)) return;
          enter(descriptor, at);
          if (count(descriptor, at) === 1) busy.set(descriptor, { actor: at.actor, seq: at.seq });
        },
      },
    };
  },
};
