import { everywhere, type Beat, type Moment, type Rule, type Stretch } from '../rule.ts';
import { GivenBackPages } from './shared/given-back.ts';
import { tellBeat, who } from './shared/tell.ts';

/**
 * CompleteDMA does not look at the device: beats that come after it fault, or without an IOMMU hit whatever has the
 * frame now (facts §4.4, §10 (12), (13)). Ordered before the completion are those with no register write since.
 */
export const completeWhileRunning: Rule = {
  name: 'complete-while-running',
  severity: 'error',
  advice: 'Stop the device, or wait for its status, before CompleteDMA or the last release of the command.',
  watch(report) {
    const given = new GivenBackPages();
    const beat = (event: Beat, { seq, actor, world }: Moment): Stretch | undefined => {
      if (given.pages.size === 0) return everywhere;
      const { pageSize } = world.machine;
      const page = Math.floor(event.address / pageSize);
      const back = given.pages.get(page);
      if (back === undefined) return { from: page * pageSize, to: (page + 1) * pageSize };
      if (back.doorbells !== given.doorbells) return undefined;
      report({
        message: `the device goes on after its command was completed:
  event ${back.prepared}: command #${back.command} was prepared
  event ${back.seq}: ${who(world, back.actor)} took its bus addresses away
  event ${seq}: ${who(world, actor)} ${tellBeat(event)}: ${event.status}; nothing has told the device to since`,
        seq,
        actors: [back.actor, actor],
        key: `${back.command} ${back.prepared}`,
      });
      return undefined;
    };
    return { on: given.on, beat };
  },
};
