import type { Beat, Moment, Rule, Stretch } from '../rule.ts';
import { Preparations, type Preparation } from './shared/preparations.ts';
import { tellBeat, tellMemory, who } from './shared/tell.ts';

/**
 * A device writes memory that is prepared as Out, or reads what is prepared as In. An IOMMU drops it, a DART
 * reportedly does not, and without one nothing stops it (facts §4.6 "Access rights", §10 (23)).
 */
export const wrongDirection: Rule = {
  name: 'wrong-direction',
  severity: 'error',
  advice:
    "Prepare memory that the device writes with direction In or InOut: a struct output, or a descriptor of one's own.",
  watch(report) {
    const preparations = new Preparations();
    const beat = (event: Beat, { seq, actor, world }: Moment): Stretch | undefined => {
      const { kind, address, length, status } = event;
      let wrong: Preparation | undefined;
      for (const preparation of preparations.live.values()) {
        const hit = preparation.segments.find((s) => address >= s.address && address + length <= s.address + s.length);
        if (hit === undefined) continue;
        const direction = world.descriptors.get(preparation.descriptor)?.direction;
        if (direction !== (kind === 'dma.write' ? 'out' : 'in')) {
          return { from: hit.address, to: hit.address + hit.length };
        }
        wrong = preparation;
      }
      if (wrong === undefined || (status !== 'ok' && status !== 'iommu-fault')) return undefined;
      const { command, descriptor, seq: prepared, actor: preparer } = wrong;
      report({
        message:
          () => `${who(world, actor)} ${tellBeat(event)}: ${status === 'ok' ? 'nothing stops it here' : 'dropped'}
  event ${prepared}: ${who(world, preparer)} prepared command #${command} with ${tellMemory(world, descriptor)}`,
        seq,
        actors: [preparer, actor],
        key: `${kind} ${command} ${prepared}`,
      });
      return undefined;
    };
    return { on: preparations.on, beat };
  },
};
