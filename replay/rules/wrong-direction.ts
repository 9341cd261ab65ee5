import { frameAt } from '../../core/pcie/bus.ts';
import type { Beat, Moment, Rule, Stretch } from '../rule.ts';
import { Bounces } from './shared/bounces.ts';
import { Preparations, type Preparation } from './shared/preparations.ts';
import { tellBeat, tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

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
    const bounces = new Bounces();
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
      const bounced = status === 'ok' && bounces.of(frameAt(world, address)!) !== undefined;
      const lost = kind === 'dma.write' ? 'it never leaves the bounce page' : 'it gets what was left in a bounce page';
      const said = status !== 'ok' ? 'dropped' : bounced ? lost : 'nothing stops it here';
      report({
        message: () => `${who(world, actor)} ${tellBeat(event)}: ${said}
  event ${prepared}: ${who(world, preparer)} prepared command #${command} with ${tellMemory(world, descriptor)}`,
        seq,
        actors: [preparer, actor],
        key: `${kind} ${command} ${prepared}`,
      });
      return undefined;
    };
    return { on: together(preparations.on, bounces.on), beat };
  },
};
