import { kIOReturnCannotWire, kIOReturnError } from '../../core/codes.ts';
import type { Moment, Rule, Watch } from '../rule.ts';
import { Inside } from './shared/inside.ts';
import { tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/**
 * A descriptor names addresses; what is there is looked up at the first prepare or mapping. When the app has unmapped
 * them in between, that finds other memory, or none (facts §2.2, §10 (6)).
 */
export const remappedBeforeResolve: Rule = {
  name: 'remapped-before-resolve',
  severity: 'error',
  advice:
    'Leave the memory mapped until the completion has come; in the dext, map or prepare it before the call returns.',
  watch(report) {
    const inside = new Inside();
    /** Descriptors that nothing has looked up yet, and the events that made them. */
    const lazy = new Map<number, number>();
    const removed = new Map<number, { readonly seq: number; readonly actor: number }>();
    const looked = (descriptor: number, what: string, { seq, actor, world }: Moment): void => {
      const made = lazy.get(descriptor);
      if (made === undefined) return;
      lazy.delete(descriptor);
      const unmapped = removed.get(descriptor);
      if (unmapped === undefined) return;
      report({
        message: `${tellMemory(world, descriptor)} is looked up too late:
  event ${made}: the descriptor was made
  event ${unmapped.seq}: ${who(world, unmapped.actor)} unmapped the addresses that it names
  event ${seq}: ${who(world, actor)} ${what}`,
        seq,
        actors: [unmapped.actor, actor],
        key: String(descriptor),
      });
    };
    const own: Watch['on'] = {
      'descriptor.create': ({ descriptor, task }, { seq }) => {
        if (task !== 0) lazy.set(descriptor, seq);
      },
      'object.free': ({ object }) => void lazy.delete(object),
      'vm.remove': ({ task, address, length }, { seq, actor, world }) => {
        for (const descriptor of lazy.keys()) {
          const { task: owner, ranges } = world.descriptors.get(descriptor)!;
          const hit = ranges.some(
            (range) => range.address < address + length && range.address + range.length > address,
          );
          if (owner === task && hit && !removed.has(descriptor)) removed.set(descriptor, { seq, actor });
        }
      },
      'descriptor.refer': ({ descriptor }, at) => looked(descriptor, 'maps whatever is there now', at),
      'page.wire': ({ descriptor }, at) => looked(descriptor, 'prepares whatever is there now', at),
      refuse: ({ code }, at) => {
        if (code === kIOReturnCannotWire || code === kIOReturnError)
          looked(inside.descriptor(at.actor), 'finds nothing there', at);
      },
    };
    return { on: together(inside.on, own) };
  },
};
