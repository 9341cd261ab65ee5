import type { Moment, Rule, Watch } from '../rule.ts';
import { GivenBackPages } from './shared/given-back.ts';
import { type Beat, tellBeat, who } from './shared/tell.ts';
import { together } from './shared/together.ts';

/** A device accesses bus addresses that no command has, or without an IOMMU, frames that nobody has wired (facts §4.6, §7.3). */
export const dmaOutsideMapping: Rule = {
  name: 'dma-outside-mapping',
  severity: 'error',
  advice: 'Give the device only segments that PrepareForDMA returned with success, and stay within them.',
  watch(report) {
    const given = new GivenBackPages();
    /** The last page that was found wired; -1 when that may have changed. */
    let wired = -1;
    const forget = (): void => void (wired = -1);
    const beat = (event: Beat, { seq, actor, world }: Moment): void => {
      const { status, address } = event;
      const { mapper, pageSize } = world.machine;
      if (status === 'ok') {
        if (mapper !== 'none') return;
        const frame = Math.floor(address / pageSize);
        if (frame === wired) return;
        if (world.frames.get(frame)!.wires > 0) {
          wired = frame;
          return;
        }
      } else if (status !== 'iommu-fault' && status !== 'no-memory') return;
      const page = Math.floor(address / pageSize);
      // What was given back, has other rights or another mapper is for other rules.
      if (given.known(page) || (status === 'iommu-fault' && world.iommu.has(page))) return;
      report({
        message: `${who(world, actor)} ${tellBeat(event)}: ${status === 'ok' ? `it hits frame ${page}, which nobody has wired` : status}
  no command was prepared with these addresses`,
        seq,
        actors: [actor],
        key: `${event.kind} ${event.request} ${event.segment}`,
      });
    };
    const own: Watch['on'] = { 'page.wire': forget, 'page.unwire': forget, 'dma.read': beat, 'dma.write': beat };
    return { on: together(given.on, own) };
  },
};
