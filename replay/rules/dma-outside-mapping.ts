import { everywhere, type Beat, type Moment, type Rule, type Watch, type Stretch } from '../rule.ts';
import { GivenBackPages } from './shared/given-back.ts';
import { tellBeat, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** A device accesses bus addresses that no command has, or without an IOMMU, frames that nobody has wired (facts §4.6, §7.3). */
export const dmaOutsideMapping: Rule = {
  name: 'dma-outside-mapping',
  severity: 'error',
  advice: 'Give the device only segments that PrepareForDMA returned with success, and stay within them.',
  watch(report) {
    const given = new GivenBackPages();
    const beat = (event: Beat, { seq, actor, world }: Moment): Stretch | undefined => {
      const { status, address } = event;
      const { mapper, pageSize } = world.machine;
      const page = Math.floor(address / pageSize);
      if (status === 'ok') {
        if (mapper !== 'none') return everywhere;
        if (world.frames.get(page)!.wires > 0) return { from: page * pageSize, to: (page + 1) * pageSize };
      } else if (status !== 'iommu-fault' && status !== 'no-memory') return undefined;
      // What was given back, has other rights or another mapper is for other rules.
      if (given.known(page) || (status === 'iommu-fault' && world.iommu.has(page))) return undefined;
      report({
        message: `${who(world, actor)} ${tellBeat(event)}: ${status === 'ok' ? `it hits frame ${page}, which nobody has wired` : status}
  no command was prepared with these addresses`,
        seq,
        actors: [actor],
        key: `${event.kind} ${event.request} ${event.segment}`,
      });
      return undefined;
    };
    // A wire that comes or goes changes the answer.
    const own: Watch['on'] = { 'page.wire': () => {}, 'page.unwire': () => {}, 'page.take': () => {} };
    return { on: together(given.on, own), beat };
  },
};
