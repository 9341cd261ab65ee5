import { kIOReturnBadArgument } from '../../core/codes.ts';
import type { Rule } from '../rule.ts';
import { tellMemory, who } from './shared/tell.ts';

/** What a thread has seen of an unmap so far. */
interface Asking {
  readonly connection: number;
  /** The descriptor that the dext gave, as it is let go again; 0 before. */
  given: number;
}

/**
 * IOConnectUnmapMemory64 asks the dext for its memory again. When that is another object than the mapping was made of,
 * nothing is unmapped (facts §6, §10 (44)).
 */
export const unmapMismatch: Rule = {
  name: 'unmap-mismatch',
  severity: 'error',
  advice: 'In CopyClientMemoryForType return the same descriptor, retained, each time it is asked for a type.',
  watch(report) {
    const asking = new Map<number, Asking>();
    return {
      on: {
        'connection.lock': ({ connection, mode }, { actor }) => {
          if (mode === 'write') asking.set(actor, { connection, given: 0 });
        },
        'object.release': ({ object }, { actor, world }) => {
          const asks = asking.get(actor);
          if (asks !== undefined && world.descriptors.has(object)) asks.given = object;
        },
        refuse: ({ call, code }, { seq, actor, world }) => {
          const asks = asking.get(actor);
          asking.delete(actor);
          if (call !== 'IOConnectUnmapMemory64' || code !== kIOReturnBadArgument || !asks?.given) return;
          const mappings = world.connections.get(asks.connection)!.mappings.map((id) => world.mappings.get(id)!);
          const stays = mappings.find(({ descriptor }) => descriptor !== asks.given);
          if (stays === undefined || mappings.some(({ descriptor }) => descriptor === asks.given)) return;
          report({
            message: `IOConnectUnmapMemory64 by ${who(world, actor)} fails, because the dext gave another descriptor than before:
  mapping #${stays.id} of connection #${asks.connection} was made of ${tellMemory(world, stays.descriptor)}, and stays
  this time the dext gave descriptor #${asks.given}`,
            seq,
            actors: [actor],
            key: String(stays.id),
          });
        },
      },
    };
  },
};
