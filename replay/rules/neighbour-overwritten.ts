import type { Range } from '../../core/iokit/state.ts';
import { frameAt } from '../../core/pcie/bus.ts';
import { alignDown, alignUp, hex } from '../../core/units.ts';
import { everywhere, type Rule } from '../rule.ts';
import { Bounces } from './shared/bounces.ts';
import { Preparations, type Preparation } from './shared/preparations.ts';
import { tellBeat, tellMemory, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** A device writes bytes that no segment names, in a page that it can reach all the same: an IOMMU knows pages only (facts §9 "Sub-page sharing", §10 (40)). */
export const neighbourOverwritten: Rule = {
  name: 'neighbour-overwritten',
  severity: 'error',
  advice: 'Give the device the exact length of each segment, and let it write no more than that.',
  watch(report) {
    const preparations = new Preparations();
    const bounces = new Bounces();
    return {
      on: together(preparations.on, bounces.on),
      beat(event, { seq, actor, world }) {
        const { kind, address, length, status } = event;
        if (kind === 'dma.read') return everywhere;
        if (status !== 'ok') return undefined;
        const { pageSize } = world.machine;
        let near: { readonly preparation: Preparation; readonly segment: Range } | undefined;
        for (const preparation of preparations.live.values()) {
          for (const segment of preparation.segments) {
            const end = segment.address + segment.length;
            if (address >= segment.address && address + length <= end) {
              return { from: segment.address, to: end };
            }
            if (address < alignUp(end, pageSize) && address + length > alignDown(segment.address, pageSize)) {
              near = { preparation, segment };
            }
          }
        }
        // Nothing else lies in a bounce page.
        if (near === undefined || bounces.of(frameAt(world, address)!) !== undefined) return undefined;
        const { preparation, segment } = near;
        report({
          message: `${who(world, actor)} ${tellBeat(event)}, outside every segment:
  event ${preparation.seq}: ${who(world, preparation.actor)} prepared command #${preparation.command} with ${tellMemory(world, preparation.descriptor)}
  its segment ${hex(segment.address)}+${segment.length} shares a page with what was written`,
          seq,
          actors: [preparation.actor, actor],
          key: `${preparation.command} ${preparation.seq}`,
        });
        return undefined;
      },
    };
  },
};
